/**
 * The words of the subprotocol `spillway.v1`, for packages that speak it: {@link decodeControl} and
 * {@link encodeControl}. What they mean is in `docs/reference/protocol.md`.
 *
 * @module
 */
import { SpillwayError } from "./errors.ts";

/** Begins what a client offers and a server picks. */
export const SUBPROTOCOL = "spillway.v1";
/** The version that a hello names. */
export const VERSION = 1;
/** What may be unread on each lane until the peer has said more. */
export const INITIAL_CREDIT: Credit = { bytes: 65_536, messages: 64 };
/** Lanes are numbered from 0, where everything goes that is of no lane, to here. */
export const MAX_LANE = 255;
/** Questions of one lane that may be open at once. */
export const MAX_QUESTIONS = 64;

/** Begins each control message: U+0010, "data link escape". */
const MARK = "\u0010";
/** The same as the one byte of UTF-8 that it is. */
export const MARK_BYTE = 0x10;
const MAX_CONTROL_BYTES = 256;
const MAX_NAME = 64;

/** What may be sent and not yet read: bytes of payload, and messages. */
export interface Credit {
  readonly bytes: number;
  readonly messages: number;
}

/** What a control message says. */
export type Control =
  | ({ readonly type: "hello"; readonly version: number } & Credit)
  | { readonly type: "name"; readonly lane: number; readonly name: string }
  | { readonly type: "select" | "end" | "resync"; readonly lane: number }
  | { readonly type: "gap"; readonly messages: number }
  | { readonly type: "answer"; readonly lane: number; readonly messages: number }
  | { readonly type: "ask" | "suspend" | "resume" };

/** How an end introduces itself. */
export type Hello = Extract<Control, { readonly type: "hello" }>;

/** What follows the letter of a message, in order. */
type Field = "version" | "bytes" | "messages" | "lane" | "name";

const SHAPES: Readonly<Record<string, readonly [Control["type"], ...Field[]]>> = {
  V: ["hello", "version", "bytes", "messages"],
  N: ["name", "lane", "name"],
  L: ["select", "lane"],
  E: ["end", "lane"],
  G: ["gap", "messages"],
  Q: ["ask"],
  A: ["answer", "lane", "messages"],
  S: ["suspend"],
  R: ["resume"],
  Y: ["resync", "lane"],
};

/** Whether a text message says something to its receiver, or begins as if it did. */
export function isMarked(text: string): boolean {
  return text.startsWith(MARK);
}

/** Whether a text is a hello, of whatever version. */
export function isHello(text: string): boolean {
  return text.startsWith(`${MARK}V`);
}

/** A text of the application as it is sent. */
export function escapeText(text: string): string {
  return isMarked(text) ? MARK + text : text;
}

/** Whether a lane may be called so. */
export function isLaneName(name: string): boolean {
  return name !== "" && name.length <= MAX_NAME;
}

/** Writes a control message. */
export function encodeControl(control: Control): string {
  for (const [letter, [type, ...fields]] of Object.entries(SHAPES)) {
    if (type !== control.type) continue;
    const values = control as Partial<Record<Field, number | string>>;
    return MARK + letter + fields.map((field) => values[field]).join(",");
  }
  throw malformed(control.type, "no such type");
}

/**
 * Reads a text message for which {@link isMarked} holds.
 *
 * @returns what it says; a string is a text of the application
 * @throws {@link SpillwayError} with `SPW_ERR_PROTOCOL` for what is no message of version 1
 */
export function decodeControl(text: string): Control | string {
  const letter = text.charAt(1);
  if (letter === MARK) return text.slice(1);
  const shape = Object.hasOwn(SHAPES, letter) ? SHAPES[letter] : undefined;
  if (!shape || text.length > MAX_CONTROL_BYTES) throw malformed(text, "no message of version 1");
  const [type, ...fields] = shape;
  const given = text.length > 2 ? text.slice(2).split(",") : [];
  // A name may have commas in it.
  if (type === "name") given.push(given.splice(1).join(","));
  if (given.length !== fields.length) throw malformed(text, `${given.length} fields`);
  const values = fields.map((field, index) => [
    field,
    valueOf(field, given[index] as string, text),
  ]);
  return { type, ...Object.fromEntries(values) } as Control;
}

function valueOf(field: Field, given: string, text: string): number | string {
  if (field === "name") {
    if (!isLaneName(given)) throw malformed(text, "name");
    return given;
  }
  const value = Number(given);
  const isNumber = /^(?:0|[1-9]\d*)$/u.test(given) && Number.isSafeInteger(value);
  const isAllowed = field !== "lane" || value <= MAX_LANE;
  if (!isNumber || !isAllowed) throw malformed(text, field);
  return value;
}

function malformed(text: string, what: string): SpillwayError {
  const shown = JSON.stringify(text.slice(0, 40));
  return new SpillwayError("SPW_ERR_PROTOCOL", `Cannot read control message ${shown}: ${what}`);
}

/**
 * What a hello gives.
 *
 * @throws {@link SpillwayError} with `SPW_ERR_PROTOCOL` for another version, and for less than there was before it
 */
export function creditOf({ version, bytes, messages }: Hello): Credit {
  const isEnough = bytes >= INITIAL_CREDIT.bytes && messages >= INITIAL_CREDIT.messages;
  if (version === VERSION && isEnough) return { bytes, messages };
  const given = `version ${version}, ${bytes} bytes and ${messages} messages`;
  throw new SpillwayError("SPW_ERR_PROTOCOL", `Cannot agree with peer: its hello says ${given}`);
}

/** What a client offers that would like one of `protocols`: the same by way of this one first. */
export function offeredProtocols(protocols: readonly string[]): string[] {
  if (protocols.length === 0) return [SUBPROTOCOL];
  return [...protocols.map((protocol) => `${SUBPROTOCOL}.${protocol}`), ...protocols];
}

/** The application's part of what was picked; `undefined` if that is not this protocol. */
export function innerProtocol(picked: string): string | undefined {
  if (picked === SUBPROTOCOL) return "";
  return picked.startsWith(`${SUBPROTOCOL}.`) ? picked.slice(SUBPROTOCOL.length + 1) : undefined;
}

/** What of one direction of a lane the application has read, and who has yet to be told. */
export class Reading {
  #received = 0;
  #read = 0;
  /** How much must be read before each open question can be answered. */
  readonly #questions: number[] = [];

  /** Received and not yet read. */
  get unread(): number {
    return this.#received - this.#read;
  }

  /** A message has come. */
  receive(): void {
    this.#received++;
  }

  /**
   * The application has taken messages, or they were discarded.
   *
   * @returns how many were read in all, if there is someone to tell
   */
  take(messages: number = 1): number | undefined {
    this.#read += messages;
    return this.#answer();
  }

  /**
   * A question has come.
   *
   * @returns as {@link take}
   * @throws {@link SpillwayError} with `SPW_ERR_CREDIT` if there are too many
   */
  ask(): number | undefined {
    this.#questions.push(this.#received);
    if (this.#questions.length > MAX_QUESTIONS) {
      throw overdrawn(`${this.#questions.length} questions are open`, `${MAX_QUESTIONS}`);
    }
    return this.#answer();
  }

  #answer(): number | undefined {
    let answered: number | undefined;
    while (this.#questions.length > 0 && (this.#questions[0] as number) <= this.#read) {
      answered = this.#questions.shift();
    }
    return answered;
  }
}

/** The error for a peer that takes more than it was given. */
export function overdrawn(what: string, limit: string): SpillwayError {
  return new SpillwayError("SPW_ERR_CREDIT", `Cannot go on: ${what} and the limit is ${limit}`);
}
