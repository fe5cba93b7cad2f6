import type { ClipConfig, WeightMap } from "../config.js";
import type { EngineSession, Recorded } from "../engines/engine.js";
import type { Floats } from "../floats.js";
import { sizeOf } from "../ops.js";
import { estimateTextMemory, planChunks, type Chunk } from "./chunks.js";
import type { Encoded, PromptBatch, TextTower } from "./contracts.js";
import { pick, rowsOf } from "./layers.js";
import { textTransformer } from "./text-transformer.js";

/** The text tower in a session: chunks of classes in bounded memory, recomputed on the way back where their tapes do not fit. */
export function createTextTower({
  session,
  weights,
  config,
  memoryLimit,
}: {
  session: EngineSession;
  weights: WeightMap;
  config: ClipConfig;
  memoryLimit: number;
}): TextTower {
  const { width, contextLength } = config.text;
  const positions = pick(weights, "positional_embedding");
  const programs = {
    alone: textTransformer({ weights, config, prefix: false }),
    shared: textTransformer({ weights, config, prefix: true }),
  };

  return {
    async encode(prompts, { gradient, signal }): Promise<Encoded> {
      const { n, c, s } = checkPrompts(prompts, { width, contextLength });
      const program = n === 0 ? programs.alone : programs.shared;
      const memory = (classes: number, length: number) =>
        estimateTextMemory(config.text, { classes, length, shared: n });
      const bytes = (classes: number, length: number): number => {
        const { saved, working } = memory(classes, length);
        return gradient ? saved + working : working;
      };
      const lengths = prompts.end.map((end) => end + 1);
      const chunks = planChunks({ lengths, shared: n, bytes, memoryLimit });
      const inputsOf = (chunk: Chunk): Floats[] => packPrompts(prompts, chunk, positions);
      const start = (chunk: Chunk): Promise<Recorded> =>
        session.record(program, inputsOf(chunk), { differentiate: n === 0 ? 1 : 2 });
      const tapes = new Map<Chunk, Recorded>();
      const dispose = (): void => {
        for (const tape of tapes.values()) tape.dispose();
        tapes.clear();
      };

      const features = new Float32Array(c * config.embedDim);
      const widest = Math.max(...chunks.map(({ classes, length }) => memory(classes.length, length).working));
      let free = memoryLimit - widest;
      let state = gradient ? "open" : "encoded without gradient";
      try {
        for (const chunk of chunks) {
          await breathe(signal, chunks.length);
          const { saved } = memory(chunk.classes.length, chunk.length);
          // A tape that would crowd out the next chunk's way back is not kept: that chunk runs again in pullback.
          const keep = gradient && saved <= free;
          let output: Floats;
          if (keep) {
            free -= saved;
            const tape = await start(chunk);
            tapes.set(chunk, tape);
            output = tape.outputs[0]!;
          } else {
            output = (await session.run(program, inputsOf(chunk)))[0]!;
          }
          scatterRows(output.data, chunk.classes, features, config.embedDim);
        }
        signal?.throwIfAborted();
      } catch (error) {
        dispose();
        throw error;
      }

      return {
        features: { data: features, shape: [c, config.embedDim] },
        async pullback(gradients) {
          if (state !== "open")
            throw new Error(`pullback: expected a batch encoded with gradient, once; this one is ${state}`);
          if (gradients.length !== features.length) {
            throw new Error(
              `pullback: expected ${features.length} numbers [${c}, ${config.embedDim}], came ${gradients.length}`,
            );
          }
          state = "pulled back already";
          const result = { shared: new Float32Array(n * width), own: new Float32Array(c * s * width) };
          try {
            for (const chunk of chunks) {
              await breathe(signal, chunks.length);
              const tape = tapes.get(chunk) ?? (await start(chunk));
              tapes.set(chunk, tape);
              const seed = gatherRows(gradients, chunk.classes, config.embedDim);
              const back = await tape.pullback([{ data: seed, shape: [chunk.classes.length, config.embedDim] }]);
              tape.dispose();
              tapes.delete(chunk);
              back[back.length - 2]?.data.forEach((value, i) => (result.shared[i]! += value));
              unpackRows(back.at(-1)!.data, {
                classes: chunk.classes,
                end: prompts.end,
                to: result.own,
                step: s * width,
                width,
              });
            }
            return result;
          } finally {
            dispose();
          }
        },
        dispose() {
          if (state === "open") state = "disposed";
          dispose();
        },
      };
    },
  };
}

/** Refuses a batch that the tower cannot take, in one line, and returns its sizes. */
function checkPrompts(
  { shared, own, end }: PromptBatch<Floats>,
  { width, contextLength }: { width: number; contextLength: number },
): { n: number; c: number; s: number } {
  const [n, sharedWidth] = shared.shape as [number, number];
  const [c, s, ownWidth] = own.shape as [number, number, number];
  if (shared.shape.length !== 2 || own.shape.length !== 3 || sharedWidth !== width || ownWidth !== width) {
    throw new Error(
      `prompts: expected shared [N, ${width}] and own [C, S, ${width}], came [${shared.shape}] and [${own.shape}]`,
    );
  }
  if (shared.data.length !== n * width || own.data.length !== c * s * width) {
    throw new Error("prompts: expected as many numbers as the shapes say, came another count");
  }
  if (c === 0) throw new Error("prompts: expected at least one class, came none");
  if (n + s > contextLength) {
    throw new Error(
      `prompts: expected at most ${contextLength} tokens, the model's context length, came ${n + s} (${n} shared and ${s} own): use fewer context tokens or shorter names`,
    );
  }
  if (end.length !== c || end.some((index) => index < 0 || index >= s)) {
    throw new Error(`prompts: expected ${c} end positions from 0 to ${s - 1}, came [${end.join(",")}]`);
  }
  return { n, c, s };
}

/** The program's inputs for some classes: their own tokens row behind row, and where each has its slot in attention. */
export function packPrompts(
  { shared, own, end }: PromptBatch<Floats>,
  { classes, length }: Chunk,
  positions: Floats,
): Floats[] {
  const n = shared.shape[0]!;
  const [, s, width] = own.shape as [number, number, number];
  const c = classes.length;
  const r = classes.reduce((total, row) => total + end[row]! + 1, 0);
  const floats = (...shape: number[]): Floats => ({ data: new Float32Array(sizeOf(shape)), shape });
  const [tokens, placed] = [floats(r, width), floats(r, width)];
  const [slots, taken, places] = [floats(c, length), floats(c, length), floats(r)];
  const [ends, classOf, isEnd] = [floats(c), floats(r), floats(r, 1)];
  let at = 0;
  classes.forEach((row, i) => {
    const count = end[row]! + 1;
    tokens.data.set(own.data.subarray(row * s * width, (row * s + count) * width), at * width);
    placed.data.set(positions.data.subarray(n * width, (n + count) * width), at * width);
    for (let j = 0; j < count; j++, at++) {
      slots.data[i * length + j] = at;
      taken.data[i * length + j] = 1;
      places.data[at] = i * length + j;
      classOf.data[at] = i;
    }
    ends.data[i] = at - 1;
    isEnd.data[at - 1] = 1;
  });
  const rest = [slots, taken, places, ends, classOf, isEnd];
  return n === 0 ? [tokens, placed, ...rest] : [shared, tokens, rowsOf(positions, 0, n), placed, ...rest];
}

/** Writes the rows of packed gradients of some classes to their places in [C,S,D]. */
function unpackRows(
  packed: Float32Array,
  {
    classes,
    end,
    to,
    step,
    width,
  }: { classes: readonly number[]; end: Int32Array; to: Float32Array; step: number; width: number },
): void {
  let at = 0;
  for (const row of classes) {
    const size = (end[row]! + 1) * width;
    to.set(packed.subarray(at, at + size), row * step);
    at += size;
  }
}

function gatherRows(from: Float32Array, rows: readonly number[], step: number): Float32Array {
  const result = new Float32Array(rows.length * step);
  rows.forEach((row, i) => result.set(from.subarray(row * step, (row + 1) * step), i * step));
  return result;
}

function scatterRows(from: Float32Array, rows: readonly number[], to: Float32Array, step: number): void {
  rows.forEach((row, i) => to.set(from.subarray(i * step, (i + 1) * step), row * step));
}

/** Between chunks the event loop gets a turn, so that a signal set by a timer or a key is seen. */
async function breathe(signal: AbortSignal | undefined, chunks: number): Promise<void> {
  if (signal !== undefined && chunks > 1) await new Promise<void>((resolve) => void setTimeout(resolve, 0));
  signal?.throwIfAborted();
}
