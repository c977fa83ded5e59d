import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";

/** A page that consists of a script. */
export interface PageServer {
  /** Where the page is. */
  readonly url: string;
  close(): void;
}

/** What the scripts of pages are below, and import. */
const SCRIPTS = new URL(".", import.meta.url);
/** What scripts import by name, and where it is served. */
const CLIENT = { name: "@spillway/client", path: "/client.js" };

/**
 * Serves a page on this machine.
 *
 * @param script - URL of a module as `tsc` has left it; what it imports is served too
 */
export async function servePage(script: URL): Promise<PageServer> {
  const server = createServer(({ url = "" }, response) => void serve(script, url, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    // For real, on this machine: only then does a page have digests, and may connect to a server of ours.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => void server.close(),
  };
}

async function serve(script: URL, url: string, response: ServerResponse): Promise<void> {
  if (url === "/") {
    response.setHeader("Content-Type", "text/html").end(pageOf(script));
    return;
  }
  try {
    const module = await readFile(
      url === CLIENT.path ? clientBundle() : new URL(`.${url}`, SCRIPTS),
    );
    response.setHeader("Content-Type", "text/javascript").end(module);
  } catch {
    response.writeHead(404).end();
  }
}

function pageOf(script: URL): string {
  const imports = JSON.stringify({ imports: { [CLIENT.name]: CLIENT.path } });
  const path = script.pathname.slice(SCRIPTS.pathname.length);
  return `<!doctype html><script type="importmap">${imports}</script><script type="module" src="/${path}"></script>`;
}

function clientBundle(): URL {
  return pathToFileURL(createRequire(import.meta.url).resolve(`${CLIENT.name}/bundle`));
}
