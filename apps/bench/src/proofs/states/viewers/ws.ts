// A viewer in a process of its own: the client of `ws`.
import { createRequire } from "node:module";
import { WebSocket } from "ws";
import { Reporter } from "../reporter.ts";

const { version } = createRequire(import.meta.url)("ws/package.json") as { version: string };
const tell = (line: object): void => console.log(JSON.stringify(line));

tell({ name: `ws ${version} on node ${process.versions.node}` });
const reporter = new Reporter((showing) => tell({ showing }));
const socket = new WebSocket(process.argv[2] as string);
socket.on("message", (picture: Buffer) => reporter.show(picture));
socket.on("close", (code) => {
  throw new Error(`the connection was closed with ${code}`);
});
