import type { Proof } from "./proof.ts";

/** Loaded when asked for. */
export const proofs: Readonly<Record<string, () => Promise<Proof>>> = {
  credits: async () => (await import("./proofs/credits.ts")).credits,
  integrity: async () => (await import("./proofs/integrity.ts")).integrity,
  soak: async () => (await import("./proofs/soak.ts")).soak,
  states: async () => (await import("./proofs/states.ts")).states,
};
