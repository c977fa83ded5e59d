import { outOfRange } from "@spillway/streams/options";

/**
 * Where to listen, from `HOST` (127.0.0.1) and `PORT` (3000).
 *
 * @throws `RangeError` with `code: "SPW_ERR_OPTION"`
 */
export function listenOptions(env: NodeJS.ProcessEnv): { host: string; port: number } {
  const { HOST: host = "127.0.0.1", PORT: port = "3000" } = env;
  if (!/^\d{1,5}$/u.test(port) || Number(port) > 65_535) {
    throw outOfRange("PORT", "a whole number from 0 to 65535", port);
  }
  return { host, port: Number(port) };
}
