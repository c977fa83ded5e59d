/** What a heartbeat looks at and what it does; one host serves any number of peers. */
export interface HeartbeatHost<Peer> {
  /** Whether we have stopped reading, so that silence says nothing. */
  isPaused(peer: Peer): boolean;
  /** A number that grows with every sign of life: bytes read, bytes the kernel took, pongs. */
  progress(peer: Peer): number;
  /** Reads once although paused, so that the peer's end is noticed. */
  probe(peer: Peer): void;
  /** Asks for a sign of life. */
  ping(peer: Peer): void;
  dead(peer: Peer, silentMs: number, limitMs: number): void;
}

/**
 * Gives a peer up that shows no sign of life for `deadlineMs`. Data still moving counts as one, since
 * pings queue behind data; there is no verdict while we do not read, since then no pong arrives.
 */
export class Heartbeat<Peer> {
  readonly #peer: Peer;
  readonly #host: HeartbeatHost<Peer>;
  readonly #deadlineMs: number;
  readonly #members: Set<Beating>;
  #progress = -1;
  #aliveAt: number = performance.now();

  constructor(
    peer: Peer,
    options: { readonly everyMs: number; readonly deadlineMs: number },
    host: HeartbeatHost<Peer>,
  ) {
    this.#peer = peer;
    this.#host = host;
    this.#deadlineMs = options.deadlineMs;
    this.#members = rhythm(options.everyMs).join(this);
  }

  stop(): void {
    this.#members.delete(this);
  }

  /** Called once in `everyMs`. */
  beat(): void {
    const host = this.#host;
    const now = performance.now();
    const progress = host.progress(this.#peer);
    if (progress !== this.#progress || host.isPaused(this.#peer)) {
      this.#progress = progress;
      this.#aliveAt = now;
    }
    const silentMs = now - this.#aliveAt;
    if (silentMs >= this.#deadlineMs) {
      host.dead(this.#peer, silentMs, this.#deadlineMs);
      return;
    }
    host.probe(this.#peer);
    host.ping(this.#peer);
  }
}

type Beating = Pick<Heartbeat<unknown>, "beat">;

/** How many groups take turns, so that not all are pinged at once. */
const GROUPS = 10;

/** One timer for all that beat at one pace. */
class Rhythm {
  readonly #everyMs: number;
  readonly #groups = Array.from({ length: GROUPS }, () => new Set<Beating>());
  #timer: NodeJS.Timeout | undefined;
  /** The group that has just had its turn: who joins it now waits for `everyMs`. */
  #last = 0;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  join(beating: Beating): Set<Beating> {
    this.#timer ??= setInterval(() => this.#tick(), Math.ceil(this.#everyMs / GROUPS)).unref();
    const group = this.#groups[this.#last] as Set<Beating>;
    return group.add(beating);
  }

  #tick(): void {
    this.#last = (this.#last + 1) % GROUPS;
    for (const beating of this.#groups[this.#last] as Set<Beating>) beating.beat();
    if (this.#groups.some(({ size }) => size > 0)) return;
    clearInterval(this.#timer);
    rhythms.delete(this.#everyMs);
  }
}

const rhythms = new Map<number, Rhythm>();

function rhythm(everyMs: number): Rhythm {
  let found = rhythms.get(everyMs);
  if (!found) {
    found = new Rhythm(everyMs);
    rhythms.set(everyMs, found);
  }
  return found;
}
