import type { TestProject } from "vitest/node";
import { startProposalServer } from "./server/start.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The server of the proposal's cases, `ws://host:port`. */
    proposalServer: string;
  }
}

/** One server for the tests of a project, which may run in a page. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startProposalServer();
  project.provide("proposalServer", server.url);
  return async () => server.close();
}
