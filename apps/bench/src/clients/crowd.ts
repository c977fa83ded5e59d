import { constants, inflateRawSync } from "node:zlib";
import { Ages } from "./ages.ts";
import { Client } from "./client.ts";
import type { Arrival, Crowd } from "./protocol.ts";

/** Connections that are being opened at the same time: a listener's backlog is limited. */
const AT_ONCE = 200;
const STALL_MS = 10_000;

/** All clients of a server, and the account of what they got. */
export class ClientCrowd {
  readonly #crowd: Crowd;
  readonly #report: (least: number) => void;
  readonly #ages: Ages | undefined;
  #clients: Client[] = [];
  #frozen: Client[] = [];
  #wanted = 0;
  #waiting: { resolve(): void; reject(error: Error): void } | undefined;
  #failure: Error | undefined;
  #reads = 0;
  #step = 0;
  #reported = 0;
  /** The last one found to lack something, as long as it does. */
  #laggard = 0;

  /** @param report - hears of the count of the client that has the least */
  constructor(crowd: Crowd, report: (least: number) => void = () => {}) {
    this.#crowd = crowd;
    this.#report = report;
    this.#ages = crowd.stampAt === undefined ? undefined : new Ages(crowd.stampAt);
  }

  /** Opens so many more connections. */
  async connect(clients: number): Promise<void> {
    for (let open = 0; open < clients; open += AT_ONCE) {
      const added = Array.from({ length: Math.min(AT_ONCE, clients - open) }, () => this.#add());
      await Promise.all(added.map(async (client) => client.ready));
    }
  }

  /** Starts the account of `count` for each client. */
  expect(count: number): void {
    this.#checkAccount();
    for (const { counter } of this.#clients) counter.reset();
    this.#ages?.reset();
    this.#wanted = count;
    this.#reported = 0;
  }

  /** Resolves when all that is expected is there. */
  async arrival(): Promise<Arrival> {
    const watch = this.#watch();
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        this.#look();
      });
    } finally {
      clearInterval(watch);
      this.#waiting = undefined;
    }
    this.#checkAccount();
    const ages = this.#ages;
    return { p50: ages?.quantile(0.5) ?? 0, p99: ages?.quantile(0.99) ?? 0 };
  }

  /** From now on tells the least of all counts whenever it has grown by `step`. */
  report(step: number): void {
    this.#step = step;
  }

  /** The first `clients` stop reading, and nothing is expected of them any more. */
  freeze(clients: number): void {
    this.#frozen = this.#clients.splice(0, clients);
    for (const client of this.#frozen) client.freeze();
  }

  /** Sends one message after the other, each when the one before has come back. */
  async echo(bytes: number, ms: number): Promise<{ roundTrips: number; p50: number }> {
    const [client] = this.#clients;
    if (!client) throw new Error("Cannot echo: there is no client");
    const payload = Buffer.alloc(bytes, "echo");
    const tookNs: bigint[] = [];
    for (const endsAt = performance.now() + ms; performance.now() < endsAt;) {
      this.expect(1);
      const arrived = new Promise<void>((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
      const sentAt = process.hrtime.bigint();
      client.send(2, payload);
      await arrived;
      tookNs.push(process.hrtime.bigint() - sentAt);
    }
    this.#waiting = undefined;
    const sorted = tookNs.toSorted((a, b) => Number(a - b));
    return { roundTrips: sorted.length, p50: Number(sorted[sorted.length >> 1]) / 1e9 };
  }

  /** Says goodbye; resolves when all connections are gone. */
  async close(): Promise<void> {
    const all = [...this.#clients.splice(0), ...this.#frozen.splice(0)];
    await Promise.all(all.map(async (client) => client.close()));
  }

  #add(): Client {
    const isFirst = this.#clients.length === 0;
    const { inflatesTo } = this.#crowd;
    const isInflated = isFirst && inflatesTo !== undefined;
    const ages = this.#ages;
    const client = new Client(this.#crowd, {
      read: () => this.#look(),
      begin: ages && ((bytes, start, end) => ages.take(bytes, start, end)),
      message: isInflated ? (payload) => this.#inflate(payload, inflatesTo) : undefined,
      lost: (why) => {
        if (!this.#frozen.includes(client)) this.#fail(`a client lost its connection: ${why}`);
      },
    });
    this.#clients.push(client);
    return client;
  }

  /** After every read: most are answered by a look at one client, which still lacks something. */
  #look(): void {
    this.#reads++;
    if (this.#step > 0) this.#tell();
    if (this.#waiting && this.#leastBelow(this.#wanted) === undefined) this.#waiting.resolve();
  }

  #tell(): void {
    const next = this.#reported + this.#step;
    if (this.#leastBelow(next) !== undefined) return;
    this.#reported = Math.min(...this.#clients.map((client) => this.#countOf(client)));
    this.#report(this.#reported);
  }

  #leastBelow(count: number): Client | undefined {
    const { length } = this.#clients;
    for (let seen = 0; seen < length; seen++) {
      const client = this.#clients[this.#laggard % length];
      if (client && this.#countOf(client) < count) return client;
      this.#laggard = (this.#laggard + 1) % length;
    }
    return undefined;
  }

  #countOf({ counter }: Client): number {
    return this.#crowd.counts === "bytes" ? counter.bytes : counter.messages;
  }

  /** Nobody may have got more, or anything else, than what is expected. */
  #checkAccount(): void {
    if (this.#failure) throw this.#failure;
    const { messageBytes = 0, counts, inflatesTo } = this.#crowd;
    for (const client of this.#clients) {
      expect(counts, this.#countOf(client), this.#wanted);
      const { messages, bytes, compressed } = client.counter;
      if (messageBytes > 0) expect("bytes", bytes, messages * messageBytes);
      if (inflatesTo !== undefined) expect("compressed messages", compressed, messages);
    }
  }

  #watch(): NodeJS.Timeout {
    let reads = -1;
    return setInterval(() => {
      const client = this.#leastBelow(this.#wanted);
      if (reads === this.#reads && client) {
        const { counts } = this.#crowd;
        this.#fail(`${counts} of a client: ${this.#countOf(client)}, want ${this.#wanted}`);
      }
      reads = this.#reads;
    }, this.#crowd.stallMs ?? STALL_MS);
  }

  #inflate(payload: Buffer, wanted: string): void {
    // The four bytes that every message leaves out: RFC 7692, section 7.2.2.
    const whole = Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]);
    const finishFlush = constants.Z_SYNC_FLUSH;
    try {
      if (inflateRawSync(whole, { finishFlush }).toString() === wanted) return;
      this.#fail("a message inflates to something else");
    } catch (error) {
      this.#fail(`a message cannot be inflated: ${(error as Error).message}`);
    }
  }

  #fail(why: string): void {
    this.#failure ??= new Error(`Cannot count this: ${why}`);
    this.#waiting?.reject(this.#failure);
  }
}

function expect(what: string, actual: number, wanted: number): void {
  if (actual === wanted) return;
  throw new Error(`Cannot count this: ${what} of a client: ${actual}, want ${wanted}`);
}
