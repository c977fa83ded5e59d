import type { Case, Subject } from "./case.ts";
import { Remote } from "./remote.ts";

/** A case that takes longer hangs: the server waits for at most eight seconds. */
const LIMIT_MS = 12_000;

/** Runs one case. @returns what was wrong; `undefined` if nothing was */
export async function runCase(one: Case, subject: Subject): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Still running after ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  try {
    await Promise.race([one.run({ ...subject, server: new Remote(subject.url) }), limit]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
