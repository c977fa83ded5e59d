import type { Workload } from "./workload.ts";

/** Loaded when asked for: a contender's process holds its own workload and no other. */
export const workloads: Readonly<Record<string, () => Promise<Workload>>> = {
  pipeline: async () => (await import("./workloads/pipeline.ts")).pipeline,
  fanout: async () => (await import("./workloads/fanout.ts")).fanout,
  bulk: async () => (await import("./workloads/bulk.ts")).bulk,
  deflate: async () => (await import("./workloads/deflate.ts")).deflate,
  freshness: async () => (await import("./workloads/freshness.ts")).freshness,
  idle: async () => (await import("./workloads/idle.ts")).idle,
  unicast: async () => (await import("./workloads/unicast.ts")).unicast,
};
