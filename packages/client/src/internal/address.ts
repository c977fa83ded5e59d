/** RFC 9110's token: all a subprotocol may be. */
const TOKEN = /^[!#$%&'*+\-.^`|~\w]+$/u;

/**
 * The address of a WebSocket, whatever was given.
 *
 * @throws `SyntaxError`, a `DOMException`
 * @see https://websockets.spec.whatwg.org/#concept-websocket-url
 */
export function toAddress(given: string | URL): string {
  let url: URL;
  try {
    url = new URL(given, findBase());
  } catch {
    throw syntaxError(`Cannot connect to ${given}: no valid URL`);
  }
  if (url.protocol === "http:") url.protocol = "ws:";
  else if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw syntaxError(`Cannot connect to ${url.href}: got ${url.protocol}, want ws: or wss:`);
  }
  // An empty fragment is one: `hash` does not tell.
  if (url.href.includes("#")) throw syntaxError(`Cannot connect to ${url.href}: it has a fragment`);
  return url.href;
}

/**
 * The subprotocols to offer.
 *
 * @throws `TypeError` for what is no list, `SyntaxError` for one that cannot be offered or comes twice
 */
export function toProtocols(given: Iterable<string> | undefined): readonly string[] {
  if (given === undefined) return [];
  if (Object(given) !== given || !(Symbol.iterator in given)) {
    throw new TypeError(`Cannot offer protocols: got ${typeof given}, want a list`);
  }
  // As Web IDL converts it: `String()` takes a symbol.
  const protocols = Array.from(given, (each: unknown) => `${each as number}`);
  for (const protocol of protocols) {
    if (!TOKEN.test(protocol)) throw syntaxError(`Cannot offer protocol ${protocol}: no token`);
  }
  if (new Set(protocols).size < protocols.length) {
    throw syntaxError(`Cannot offer protocols ${protocols.join(", ")}: one comes twice`);
  }
  return protocols;
}

/** What relative addresses are relative to, where there is such a thing. */
function findBase(): string | undefined {
  const { document, location } = globalThis as {
    document?: { baseURI?: string };
    location?: { href?: string };
  };
  return document?.baseURI ?? location?.href;
}

function syntaxError(message: string): DOMException {
  return new DOMException(message, "SyntaxError");
}
