/**
 * A test kit for backpressure. Reach for {@link connectPeer} to see what a server does when a client
 * reads slowly, freezes or vanishes, and for {@link streamContract} to check a stream stage.
 *
 * @module
 */
export { connectPeer, type PeerOptions } from "./connect-peer.ts";
export type { ContractPair } from "./contract-pair.ts";
export { isSettled } from "./is-settled.ts";
export type { Peer, PeerClosed, PeerMessage } from "./peer.ts";
export { rawPeer, type RawFrame, type RawPeer, type RawPeerOptions } from "./raw-peer.ts";
export type { ReadPace } from "./read-pace.ts";
export { streamContract, type ContractCase } from "./stream-contract.ts";
export { waitFor, type WaitForOptions } from "./wait-for.ts";
