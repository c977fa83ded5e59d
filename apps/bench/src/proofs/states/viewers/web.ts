// A viewer in a process of its own: the `WebSocket` that Node, Bun and Deno have built in.
import { Reporter } from "../reporter.ts";

const tell = (line: object): void => console.log(JSON.stringify(line));

const name = ["deno", "bun", "node"].find((each) => each in process.versions) as string;
tell({ name: `${name} ${process.versions[name]}` });
const reporter = new Reporter((showing) => tell({ showing }));
const socket = new WebSocket(process.argv[2] as string);
socket.binaryType = "arraybuffer";
socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
  reporter.show(new Uint8Array(data));
});
socket.addEventListener("close", ({ code }) => {
  throw new Error(`the connection was closed with ${code}`);
});
