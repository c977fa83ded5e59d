// Run by Bun: serves, and does what the contender in Node asks for.
import { answering } from "../../answering.ts";
import { OwnGauge } from "../server.ts";
import { BunService } from "./service.ts";
import type { BunAnswers, BunAsk } from "./protocol.ts";

const gauge = new OwnGauge();
let service: BunService | undefined;

async function answer(ask: BunAsk): Promise<BunAnswers[BunAsk["kind"]]> {
  switch (ask.kind) {
    case "serve":
      service = new BunService(ask.job);
      return service.port;
    case "run":
      await service?.run(ask.count);
      return undefined;
    case "start":
      await gauge.start(ask.sampleMs);
      return undefined;
    case "stop":
      return gauge.stop();
    default:
      return gauge.memory();
  }
}

answering(answer);
