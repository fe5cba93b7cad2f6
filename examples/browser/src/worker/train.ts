import type { Clip } from "@locoop/clip";
import type { Calls, Trained } from "../messages.js";
export async function train(_clip: Clip, _input: Calls["train"]["input"], _around: object): Promise<Trained> {
  throw new Error("not yet");
}
