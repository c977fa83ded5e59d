import { DropCounter } from "@spillway/streams";
import type { Credit } from "@spillway/streams/protocol";
import type { ReconnectingStats } from "../../reconnecting-stats.ts";
import type { Session } from "../session.ts";
import type { Link } from "./link.ts";
import type { LinkLanes } from "./link-lanes.ts";

/** Connections of which something may wait unread. */
const MAX_UNREAD = 2;

/** What all connections have in common. */
export class Totals {
  readonly drops: DropCounter = new DropCounter();
  #connections = 0;
  #received: Credit = { bytes: 0, messages: 0 };
  #sent: Credit = { bytes: 0, messages: 0 };
  #missed = 0;
  /** The newest last. */
  readonly #lanes: LinkLanes[] = [];

  /** There is a connection. */
  open({ lanes }: Link): void {
    this.#connections++;
    this.#lanes.push(lanes);
    if (this.#lanes.length > MAX_UNREAD) this.#missed += this.#lanes.shift()?.missed ?? 0;
  }

  /** It is over. */
  close({ session }: Link): void {
    if (!session) return;
    this.#received = sum(this.#received, session.dialogue.received);
    this.#sent = sum(this.#sent, session.dialogue.sent);
  }

  /** @param session - of the connection that is open */
  stats(session: Session | undefined, lost: number, replayed: number): ReconnectingStats {
    const none = { bytes: 0, messages: 0 };
    const received = sum(this.#received, session?.dialogue.received ?? none);
    const sent = sum(this.#sent, session?.dialogue.sent ?? none);
    let [unread, missed] = [none, this.#missed];
    for (const lanes of this.#lanes) {
      unread = sum(unread, lanes.unread);
      missed += lanes.missed;
    }
    const unreadByServer =
      session?.dialogue.state === "agreed" ? session.dialogue.unreadByServer : undefined;
    return {
      connections: this.#connections,
      credits: session?.dialogue.state ?? "unknown",
      receivedMessages: received.messages,
      receivedBytes: received.bytes,
      unreadMessages: unread.messages,
      unreadBytes: unread.bytes,
      dropped: this.drops.counts(),
      missedMessages: missed,
      sentMessages: sent.messages,
      sentBytes: sent.bytes,
      unreadBytesByServer: unreadByServer?.bytes,
      unreadMessagesByServer: unreadByServer?.messages,
      bufferedAmount: session?.bufferedAmount,
      lostMessages: lost,
      replayedMessages: replayed,
    };
  }
}

function sum(one: Credit, other: Credit): Credit {
  return { bytes: one.bytes + other.bytes, messages: one.messages + other.messages };
}
