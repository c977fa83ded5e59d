/**
 * A test kit for backpressure, on every platform with web streams. Reach for {@link streamContract}
 * to check a stream stage, and for {@link scriptedSource}, {@link scriptedSink} and
 * {@link virtualClock} to put it between a slow producer and a slow consumer. Peers on real sockets
 * are in `@spillway/testing/node`.
 *
 * @module
 */
export type { ContractCase } from "./contract-case.ts";
export type { ContractPair } from "./contract-pair.ts";
export { isSettled } from "./is-settled.ts";
export {
  scriptedSink,
  type ScriptedSink,
  type ScriptedSinkOptions,
  type SinkEnd,
  type SinkStep,
} from "./scripted-sink.ts";
export {
  scriptedSource,
  type ScriptedSource,
  type ScriptedSourceOptions,
  type SourceEnd,
  type SourceStep,
} from "./scripted-source.ts";
export { settle } from "./settle.ts";
export { sinkContract, type ContractSink, type SinkTarget } from "./sink-contract.ts";
export { sourceContract, type ContractSource, type SourceOrigin } from "./source-contract.ts";
export { streamContract, type StreamContractOptions } from "./stream-contract.ts";
export {
  virtualClock,
  type Timer,
  type Timers,
  type VirtualClock,
  type VirtualClockOptions,
} from "./virtual-clock.ts";
export { waitFor, type WaitForOptions } from "./wait-for.ts";
