/** What a process used while it served. */
export interface Usage {
  readonly cpuSeconds: number;
  /** The most that was resident, as far as samples tell; 0 when it was not sampled. */
  readonly peakRssBytes: number;
}

/** Memory of a process, once its garbage is gone. */
export interface Memory {
  readonly rssBytes: number;
  /** What the runtime itself knows to be in use: the heap and what hangs on it; with Bun the same. */
  readonly liveBytes: number;
}

/** One variant that serves, in the contender's process or, for Bun, in a child of it. */
export interface Server {
  readonly port: number;
  /** Does what the workload is about `count` times; what it sends may still be on its way after. */
  run(count: number): Promise<void>;
  readonly gauge: Gauge;
}

/** Looks at the process that serves. */
interface Gauge {
  /** @param sampleMs - how often to look at the memory; 0 for never */
  start(sampleMs: number): Promise<void>;
  stop(): Promise<Usage>;
  memory(): Promise<Memory>;
}

/** At least a tenth: less is noise, and nothing can be compared with 0. */
export function megabytesAbove(idleBytes: number, peakBytes: number): number {
  return Math.max(0.1, (peakBytes - idleBytes) / 1e6);
}

/** Of this process; it needs `--expose-gc` unless it is Bun. */
export class OwnGauge implements Gauge {
  #cpu: NodeJS.CpuUsage = process.cpuUsage();
  #peak = 0;
  #timer: NodeJS.Timeout | undefined;

  async start(sampleMs: number): Promise<void> {
    this.#peak = 0;
    if (sampleMs > 0) this.#timer = setInterval(() => this.#sample(), sampleMs);
    this.#cpu = process.cpuUsage();
  }

  async stop(): Promise<Usage> {
    const { user, system } = process.cpuUsage(this.#cpu);
    if (this.#timer) this.#sample();
    clearInterval(this.#timer);
    this.#timer = undefined;
    return { cpuSeconds: (user + system) / 1e6, peakRssBytes: this.#peak };
  }

  async memory(): Promise<Memory> {
    await collectGarbage();
    const { rss, heapUsed, external } = process.memoryUsage();
    // Bun's sockets are not on its heap, and `external` does not know of them.
    return { rssBytes: rss, liveBytes: "Bun" in globalThis ? rss : heapUsed + external };
  }

  #sample(): void {
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss());
  }
}

/** Twice, a few turns apart: what is finalised by the first is freed by the second. */
async function collectGarbage(): Promise<void> {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  if (!Bun && !gc) throw new Error("Cannot collect garbage: want node --expose-gc");
  for (let round = 0; round < 2; round++) {
    if (Bun) Bun.gc(true);
    else gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
