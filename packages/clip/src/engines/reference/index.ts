import type { Floats } from "../../floats.js";
import { record } from "../../tape.js";
import type { Bytes, Engine } from "../engine.js";
import { referenceOps, type Doubles } from "./ops.js";

export { referenceOps, type Doubles } from "./ops.js";

const widen = ({ data, shape }: Floats | Bytes): Doubles => ({ data: Float64Array.from(data), shape });
const narrow = ({ data, shape }: Doubles): Floats => ({ data: Float32Array.from(data), shape });

/** Runs towers in double precision, for tests: slow, plain, exact. */
export function referenceEngine(): Engine {
  return {
    name: "reference",
    open: () => ({
      run: async (program, inputs) => program.run(referenceOps, inputs.map(widen)).map(narrow),
      async record(program, inputs, { differentiate }) {
        const recording = record(referenceOps, program.run, { differentiate });
        const { outputs, saved } = recording.forward(inputs.map(widen));
        let used = false;
        return {
          outputs: outputs.map(narrow),
          async pullback(gradients) {
            if (used) throw new Error("pullback: expected one call, this recording was used before");
            used = true;
            return recording.backward(gradients.map(widen), saved).map(narrow);
          },
          dispose: () => {
            used = true;
          },
        };
      },
      dispose: () => {},
    }),
  };
}
