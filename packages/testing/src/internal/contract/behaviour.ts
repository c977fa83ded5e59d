import type { Rig } from "../rig.ts";

/** More chunks than any sensible mark holds. */
export const MANY = 200;

/** What a pair does, by its name; each gets a rig of its own. */
export type Behaviours<In, Out> = Record<string, (rig: Rig<In, Out>) => Promise<void>>;
