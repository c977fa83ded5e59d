// What the server sends here is the client in one file: pages have no packages.
export { ReconnectingWebSocketStream } from "@spillway/client";
