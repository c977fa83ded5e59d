// The process of the clients: beside what is measured, and as cheap as it can be.
import { answering, notice } from "../answering.ts";
import { ClientCrowd } from "./crowd.ts";
import type { CrowdAnswers, CrowdAsk } from "./protocol.ts";

let crowd: ClientCrowd | undefined;

async function answer(ask: CrowdAsk): Promise<CrowdAnswers[CrowdAsk["kind"]]> {
  if (ask.kind === "connect") {
    crowd ??= new ClientCrowd(ask.crowd, notice);
    await crowd.connect(ask.clients);
    return undefined;
  }
  if (!crowd) throw new Error("Cannot do this without clients");
  switch (ask.kind) {
    case "expect":
      crowd.expect(ask.count);
      return undefined;
    case "arrival":
      return crowd.arrival();
    case "report":
      crowd.report(ask.step);
      return undefined;
    case "freeze":
      crowd.freeze(ask.clients);
      return undefined;
    case "echo":
      return crowd.echo(ask.bytes, ask.ms);
    default:
      await crowd.close();
      return undefined;
  }
}

answering(answer);
