import type { Case } from "./case.ts";
import { closingCases } from "./cases/closing.ts";
import { constructingCases } from "./cases/constructing.ts";
import { openingCases } from "./cases/opening.ts";
import { pressureCases } from "./cases/pressure.ts";
import { readingCases } from "./cases/reading.ts";
import { remoteClosingCases } from "./cases/remote-closing.ts";
import { signalCases } from "./cases/signals.ts";
import { socketErrorCases } from "./cases/socket-error.ts";
import { streamEndingCases } from "./cases/stream-endings.ts";
import { writingCases } from "./cases/writing.ts";

/** What the proposal says, one case each. */
export const cases: readonly Case[] = [
  ...socketErrorCases,
  ...constructingCases,
  ...openingCases,
  ...signalCases,
  ...closingCases,
  ...streamEndingCases,
  ...readingCases,
  ...writingCases,
  ...remoteClosingCases,
  ...pressureCases,
];
