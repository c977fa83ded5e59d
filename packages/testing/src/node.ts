/**
 * Peers on real sockets, for Node. Reach for {@link connectPeer} to see what a server does when a
 * client reads slowly, freezes or vanishes, for {@link rawPeer} to send it what no client would, and
 * for {@link startRelay} to cut the line between the two.
 *
 * @module
 */
export { connectPeer, type PeerOptions } from "./connect-peer.ts";
export type { Peer, PeerClosed, PeerMessage } from "./peer.ts";
export { rawPeer, type RawFrame, type RawPeer, type RawPeerOptions } from "./raw-peer.ts";
export type { ReadPace } from "./read-pace.ts";
export { startRelay, type Relay } from "./relay.ts";
