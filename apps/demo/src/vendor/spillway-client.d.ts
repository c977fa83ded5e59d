// What the server sends here is the client in one file: pages have no packages.
export { WebSocketStream } from "@spillway/client";
