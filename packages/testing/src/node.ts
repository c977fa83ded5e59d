/**
 * Peers on real sockets, for Node. Reach for {@link connectPeer} to see what a server does when a
 * client reads slowly, freezes or vanishes, for {@link rawPeer} to send it what no client would, for
 * {@link startRelay} to cut the line between the two, and for {@link openBackgroundPage} to have a page of
 * Chromium asleep.
 *
 * @module
 */
export {
  type BackgroundPage,
  type BackgroundPageOptions,
  type DevtoolsBrowser,
  type DevtoolsSession,
  openBackgroundPage,
} from "./background-page.ts";
export { connectPeer, type PeerOptions } from "./connect-peer.ts";
export type { Peer, PeerClosed, PeerMessage } from "./peer.ts";
export { rawPeer, type RawFrame, type RawPeer, type RawPeerOptions } from "./raw-peer.ts";
export type { ReadPace } from "./read-pace.ts";
export { startRelay, type Relay } from "./relay.ts";
