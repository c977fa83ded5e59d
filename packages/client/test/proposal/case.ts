import type { Remote } from "./remote.ts";
import type { SocketErrorConstructor, SocketStreamConstructor } from "./shape.ts";

/** What is tested, and the server it is tested against. */
export interface Subject {
  readonly WebSocketStream: SocketStreamConstructor;
  readonly WebSocketError: SocketErrorConstructor;
  /** The server as `ws://host:port`. */
  readonly url: string;
}

/** What a case gets: the subject, and a connection's worth of the server. */
export interface Setting extends Subject {
  readonly server: Remote;
}

/** One thing the proposal says. It uses nothing that only some runtimes have. */
export interface Case {
  readonly name: string;
  run(setting: Setting): Promise<void> | void;
}
