/** The little of Bun that is used; types of all of it would be in the way of Node's. */
export interface BunSocket {
  /** @returns bytes sent, -1 when they wait, 0 when they were dropped */
  send(message: Uint8Array): number;
  cork(work: () => void): void;
  subscribe(topic: string): void;
}

export interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
  publish(topic: string, message: Uint8Array): number;
}

interface BunApi {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    fetch(request: Request, server: BunServer): Response | undefined;
    readonly websocket: {
      readonly perMessageDeflate: boolean;
      readonly idleTimeout: number;
      open(socket: BunSocket): void;
      message(): void;
      drain(socket: BunSocket): void;
    };
  }): BunServer;
}

export const bun: BunApi = (globalThis as unknown as { Bun: BunApi }).Bun;
