import { createHash } from "node:crypto";

/** @see https://www.rfc-editor.org/rfc/rfc6455#section-1.3 */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** One for all: nobody here needs to tell connections apart. */
const KEY = Buffer.from("spillway-clients").toString("base64");

/** The upgrade request of a client, with headers of its own. */
export function upgradeRequest(port: number, path: string, own: readonly string[]): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${KEY}`,
  ];
  return `${[...lines, ...own].join("\r\n")}\r\n\r\n`;
}

/** What a server that is a bare socket answers. */
export function upgradeAnswer(): string {
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Connection: Upgrade",
    "Upgrade: websocket",
    `Sec-WebSocket-Accept: ${ACCEPT}`,
    "\r\n",
  ].join("\r\n");
}

/** @throws unless the server agrees to all that was asked for */
export function checkAnswer(head: string, extensions: string | undefined): void {
  const [status = "", ...headers] = head.split("\r\n");
  if (!status.startsWith("HTTP/1.1 101 ")) throw new Error(`Cannot connect: got "${status}"`);
  const valueOf = (name: string): string | undefined =>
    headers.find((line) => line.toLowerCase().startsWith(`${name}:`))?.slice(name.length + 1);
  if (valueOf("sec-websocket-accept")?.trim() !== ACCEPT) {
    throw new Error("Cannot connect: got another Sec-WebSocket-Accept");
  }
  const agreed = valueOf("sec-websocket-extensions")?.trim();
  for (const wanted of extensions?.split("; ") ?? []) {
    if (agreed?.includes(wanted)) continue;
    throw new Error(`Cannot connect: got the extensions "${agreed ?? ""}", want "${extensions}"`);
  }
}

const ACCEPT = createHash("sha1").update(`${KEY}${GUID}`).digest("base64");
