import { bringJoint } from "./joint.ts";
import { joint } from "./pipe.ts";

/** From now on, pipes between two ends are pumped. */
export function usePump(): void {
  bringJoint(joint);
}
