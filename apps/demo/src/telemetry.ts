import { arch, hostname } from "node:os";
import { checkNumber } from "@spillway/streams/options";
import { openSensors, type Sensor } from "./sensors.ts";

/** One measurement, as it travels on `/streams/telemetry`. */
export interface Reading {
  /** The source's number; a gap is a drop. */
  readonly seq: number;
  /** When it was measured, in milliseconds since the Unix epoch. */
  readonly t: number;
  readonly sensor: string;
  readonly unit: Sensor["unit"];
  readonly value: number;
  /** Of this sensor over the last second, `samples` readings in all. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly samples: number;
  /** Since this sensor's reading before; 0 for its first. */
  readonly sinceLastMs: number;
  /** What measuring took. */
  readonly tookMs: number;
  readonly host: string;
  readonly pid: number;
  readonly uptimeS: number;
  readonly node: string;
  readonly platform: string;
}

/** How {@link telemetrySource} measures. */
export interface TelemetryOptions {
  /**
   * Readings per second over all sensors, which take turns.
   *
   * @defaultValue `200`
   */
  readonly perSecond?: number | undefined;
}

/** Being later than this is not made up for: a reading is of now, not of when it was due. */
const MAX_LATE_MS = 100;
const WINDOW_MS = 1_000;

/**
 * Measures this process and its host, one sensor after the other.
 *
 * Backpressure: pull-based; nothing is measured that nobody reads.
 *
 * @returns endless readings of about 250 bytes as JSON; cancelling stops all measuring
 * @throws `TypeError` or `RangeError` with `code: "SPW_ERR_OPTION"`
 */
export function telemetrySource(options: TelemetryOptions = {}): ReadableStream<Reading> {
  const perSecond = checkNumber("perSecond", options.perSecond, 200, { min: 1, max: 10_000 });
  const everyMs = 1000 / perSecond;
  const sensors = openSensors();
  const gauges = sensors.all.map((sensor) => new Gauge(sensor));
  let seq = 0;
  let due: number | undefined;
  let stopWaiting: (() => void) | undefined;

  return new ReadableStream<Reading>(
    {
      pull: (controller) => {
        const now = performance.now();
        if (due === undefined || now - due > MAX_LATE_MS) due = now;
        const waitMs = due - now;
        due += everyMs;
        const publish = (): void => {
          const gauge = gauges[seq % gauges.length];
          if (gauge) controller.enqueue(gauge.read(seq++));
        };
        if (waitMs <= 0) return publish();
        return new Promise<void>((resolve) => {
          const timer = setTimeout(() => {
            publish();
            resolve();
          }, waitMs);
          stopWaiting = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      },
      cancel: () => {
        stopWaiting?.();
        sensors.close();
      },
    },
    { highWaterMark: 0 },
  );
}

const origin = {
  host: hostname().slice(0, 12),
  pid: process.pid,
  node: process.version,
  platform: `${process.platform} ${arch()}`,
};

/** A sensor with what it measured in the last second. */
class Gauge {
  readonly #sensor: Sensor;
  readonly #recent: { t: number; value: number }[] = [];

  constructor(sensor: Sensor) {
    this.#sensor = sensor;
  }

  read(seq: number): Reading {
    const t = Date.now();
    const sinceLastMs = t - (this.#recent.at(-1)?.t ?? t);
    const startedAt = performance.now();
    const value = this.#sensor.measure();
    const tookMs = performance.now() - startedAt;
    this.#recent.push({ t, value });
    while ((this.#recent[0]?.t ?? t) <= t - WINDOW_MS) this.#recent.shift();
    const values = this.#recent.map((past) => past.value);
    const { host, pid, node, platform } = origin;
    return {
      seq,
      t,
      sensor: this.#sensor.name,
      unit: this.#sensor.unit,
      value: rounded(value),
      min: rounded(Math.min(...values)),
      max: rounded(Math.max(...values)),
      mean: rounded(values.reduce((sum, past) => sum + past, 0) / values.length),
      samples: values.length,
      sinceLastMs,
      tookMs: rounded(tookMs),
      host,
      pid,
      uptimeS: rounded(process.uptime()),
      node,
      platform,
    };
  }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
