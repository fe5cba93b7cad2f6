import type { ClipConfig, WeightMap } from "../config.js";
import type { EngineSession, Recorded } from "../engines/engine.js";
import type { Floats } from "../floats.js";
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
  const programs = textTransformer({ weights, config });

  /** Keys and values of what all prompts begin with, and with gradient the tape that leads back from them. */
  const encodeBeginning = async (
    shared: Floats,
    { gradient, signal }: { gradient: boolean; signal: AbortSignal | undefined },
  ): Promise<{ shown: readonly Floats[]; tape?: Recorded }> => {
    signal?.throwIfAborted();
    const inputs = [batched(shared), batched(rowsOf(positions, 0, shared.shape[0]!))];
    if (!gradient) return { shown: await session.run(programs.beginning, inputs) };
    const tape = await session.record(programs.beginning, inputs, { differentiate: 1 });
    return { shown: tape.outputs, tape };
  };

  return {
    async encode(prompts, { gradient, signal }): Promise<Encoded> {
      const { n, c, s } = checkPrompts(prompts, { width, contextLength });
      const memory = (classes: number, length: number) =>
        estimateTextMemory(config.text, { classes, length, shared: n });
      const bytes = (classes: number, length: number): number => {
        const { saved, working } = memory(classes, length);
        return gradient ? saved + working : working;
      };
      const lengths = prompts.end.map((end) => end + 1);
      const beginning = n === 0 ? undefined : await encodeBeginning(prompts.shared, { gradient, signal });
      const chunks = planChunks({ lengths, bytes, memoryLimit });
      const inputsOf = (chunk: Chunk): Floats[] => chunkInputs(prompts, chunk, positions, beginning?.shown);
      const program = beginning === undefined ? programs.alone : programs.after;
      const differentiate = 1 + (beginning?.shown.length ?? 0);
      const start = (chunk: Chunk): Promise<Recorded> => session.record(program, inputsOf(chunk), { differentiate });
      const tapes = new Map<Chunk, Recorded>();
      const dispose = (): void => {
        beginning?.tape?.dispose();
        for (const tape of tapes.values()) tape.dispose();
        tapes.clear();
      };

      const features = new Float32Array(c * config.embedDim);
      const widest = Math.max(...chunks.map(({ classes, length }) => memory(classes.length, length).working));
      const ofBeginning = estimateTextMemory(config.text, { classes: 1, length: n, shared: 0 });
      let free = memoryLimit - widest - ofBeginning.saved;
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
          const own = new Float32Array(c * s * width);
          const shown =
            beginning?.shown.map(({ data, shape }) => ({ data: new Float32Array(data.length), shape })) ?? [];
          try {
            for (const chunk of chunks) {
              await breathe(signal, chunks.length);
              const tape = tapes.get(chunk) ?? (await start(chunk));
              tapes.set(chunk, tape);
              const seed = gatherRows(gradients, chunk.classes, config.embedDim);
              const back = await tape.pullback([{ data: seed, shape: [chunk.classes.length, config.embedDim] }]);
              tape.dispose();
              tapes.delete(chunk);
              scatterRows(back[0]!.data, chunk.classes, own, s * width);
              back.slice(1).forEach(({ data }, i) => data.forEach((value, j) => (shown[i]!.data[j]! += value)));
            }
            const shared = (await beginning?.tape?.pullback(shown))?.[0]!.data ?? new Float32Array(0);
            return { shared, own };
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

const batched = ({ data, shape }: Floats): Floats => ({ data, shape: [1, ...shape] });

/** The program's inputs for some classes, their own tokens cut to the chunk's length. */
function chunkInputs(
  { shared, own, end }: PromptBatch<Floats>,
  { classes, length }: Chunk,
  positions: Floats,
  shown: readonly Floats[] = [],
): Floats[] {
  const n = shared.shape[0]!;
  const [, s, width] = own.shape as [number, number, number];
  const data = new Float32Array(classes.length * length * width);
  const ends = new Float32Array(classes.length * length);
  classes.forEach((row, i) => {
    data.set(own.data.subarray(row * s * width, (row * s + length) * width), i * length * width);
    ends[i * length + end[row]!] = 1;
  });
  return [
    { data, shape: [classes.length, length, width] },
    ...shown,
    batched(rowsOf(positions, n, n + length)),
    { data: ends, shape: [classes.length, 1, length] },
  ];
}

function gatherRows(from: Float32Array, rows: readonly number[], step: number): Float32Array {
  const result = new Float32Array(rows.length * step);
  rows.forEach((row, i) => result.set(from.subarray(row * step, (row + 1) * step), i * step));
  return result;
}

/** Writes equal pieces of `from` at the start of rows of `to`, which may be longer. */
function scatterRows(from: Float32Array, rows: readonly number[], to: Float32Array, step: number): void {
  const size = from.length / rows.length;
  rows.forEach((row, i) => to.set(from.subarray(i * size, (i + 1) * size), row * step));
}

/** Between chunks the event loop gets a turn, so that a signal set by a timer or a key is seen. */
async function breathe(signal: AbortSignal | undefined, chunks: number): Promise<void> {
  if (signal !== undefined && chunks > 1) await new Promise<void>((resolve) => void setTimeout(resolve, 0));
  signal?.throwIfAborted();
}
