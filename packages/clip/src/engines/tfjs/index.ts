import type * as tfjs from "@tensorflow/tfjs";
import type { Floats } from "../../floats.js";
import { record } from "../../tape.js";
import type { Bytes, Engine, EngineSession } from "../engine.js";
import { createTfjsOps } from "./ops.js";

export type { Bytes, Engine, EngineSession, InputSpec, Program, Recorded } from "../engine.js";
export type { AttentionOptions, ConvolutionOptions, Dim, Ops } from "../../ops.js";
export type { Floats } from "../../floats.js";

/**
 * Runs towers on TensorFlow.js, on the backend that is current when they run; `tf.setBackend` is the caller's.
 * A tower's weights are uploaded at its first use and stay until the session is disposed; nothing else outlives a call.
 *
 * @example
 * ```ts
 * import * as tf from "@tensorflow/tfjs";
 * import { tfjsEngine } from "@locoop/clip/tfjs";
 *
 * await tf.setBackend("cpu");
 * const engine = tfjsEngine({ tf });
 * console.log(engine.name); // → tfjs-cpu
 * ```
 */
export function tfjsEngine({ tf }: { tf: typeof tfjs }): Engine {
  return {
    get name() {
      return `tfjs-${tf.getBackend()}`;
    },
    open: () => openSession(tf),
  };
}

function openSession(tf: typeof tfjs): EngineSession {
  const ops = createTfjsOps({ tf });
  const upload = ({ data, shape }: Floats | Bytes): tfjs.Tensor =>
    // tfjs has no uint8: the widening to float32 happens here, the values stay
    tf.tensor(data instanceof Uint8Array ? Float32Array.from(data) : data, [...shape], "float32");
  const keepAll = (tensors: readonly tfjs.Tensor[]) => tensors.map((tensor) => tf.keep(tensor));
  const disposeAll = (tensors: Iterable<tfjs.Tensor>): void => {
    for (const tensor of tensors) tensor.dispose();
  };
  const read = async (tensors: readonly tfjs.Tensor[]): Promise<Floats[]> =>
    Promise.all(
      tensors.map(async (tensor) => ({ data: Float32Array.from(await tensor.data()), shape: [...tensor.shape] })),
    );
  const readAndDispose = async (tensors: readonly tfjs.Tensor[]): Promise<Floats[]> => {
    try {
      return await read(tensors);
    } finally {
      disposeAll(tensors);
    }
  };

  return {
    run: (program, inputs) => readAndDispose(tf.tidy(() => keepAll(program.run(ops, inputs.map(upload))))),
    async record(program, inputs, { differentiate }) {
      const recording = record(ops, program.run, { differentiate });
      const { outputs, held } = tf.tidy(() => {
        const { outputs, saved } = recording.forward(inputs.map(upload));
        const clones = outputs.map((tensor) => tf.clone(tensor)); // an output may also be a saved value
        return { outputs: keepAll(clones), held: keepAll(saved) };
      });
      let state: "open" | "used" | "disposed" = "open";
      const dispose = (): void => {
        if (state !== "disposed") disposeAll(held.filter((tensor) => !ops.holds(tensor)));
        state = "disposed";
      };
      try {
        return {
          outputs: await readAndDispose(outputs),
          async pullback(gradients) {
            if (state !== "open")
              throw new Error(`pullback: expected an open recording used once, this one is ${state}`);
            state = "used";
            try {
              return await readAndDispose(
                tf.tidy(() =>
                  keepAll(recording.backward(gradients.map(upload), held).map((tensor) => tf.clone(tensor))),
                ),
              );
            } finally {
              dispose();
            }
          },
          dispose,
        };
      } catch (error) {
        dispose();
        throw error;
      }
    },
    dispose: () => ops.dispose(),
  };
}
