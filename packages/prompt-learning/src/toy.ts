import { createRandom, type TextTower } from "@locoop/clip";
import type { TrainingBatch } from "./gradient.js";
import type { LearnerContext } from "./learner.js";

const width = 8;
const startToken = 256;
const endToken = 257;
const vocabSize = 258;

/**
 * A learner's context without a CLIP: every character is a token, with a random embedding of 8 numbers. For examples and tests.
 *
 * @example
 * ```ts
 * import { toyContext } from "@locoop/prompt-learning/toy";
 *
 * console.log(toyContext({ classNames: ["hen"] }).tokenizer.encode("hen").length); // → 3
 * ```
 */
export function toyContext({
  classNames,
  seed = 1,
  contextLength = 77,
}: {
  classNames: readonly string[];
  seed?: number;
  contextLength?: number;
}): LearnerContext {
  const random = createRandom("toy token embedding");
  const table = Float32Array.from({ length: vocabSize * width }, () => 0.1 * random.normal());
  const encode = (text: string): number[] =>
    Array.from(text)
      .filter((c) => c.trim())
      .map((c) => c.codePointAt(0)! % startToken);
  return {
    classNames,
    contextLength,
    width,
    seed,
    tokenizer: {
      startToken,
      endToken,
      vocabSize,
      encode,
      tokenize(text, { contextLength: length = contextLength } = {}) {
        const ids = new Int32Array(length);
        ids.set([startToken, ...encode(text), endToken]);
        return ids;
      },
      decode: (ids) => String.fromCodePoint(...Array.from(ids).filter((id) => id < startToken)),
    },
    embedTokens(ids) {
      const data = new Float32Array(ids.length * width);
      Array.from(ids).forEach((id, i) => data.set(table.subarray(id * width, (id + 1) * width), i * width));
      return { data, shape: [ids.length, width] };
    },
  };
}

/**
 * A text tower without a CLIP: a class's feature is the sum of its prompt's rows up to the end token, each divided by
 * its position (from 1). It is linear, so its pullback is exact.
 *
 * @example
 * ```ts
 * import { encodeClasses, template } from "@locoop/prompt-learning";
 * import { toyContext, toyText } from "@locoop/prompt-learning/toy";
 *
 * const learner = template.create(toyContext({ classNames: ["hen", "tench"] }));
 * console.log((await encodeClasses(learner, toyText())).shape); // → 2,8
 * learner.dispose();
 * ```
 */
export function toyText(): TextTower {
  return {
    async encode({ shared, own, end }) {
      const [prefix = 0] = shared.shape;
      const [classes = 0, length = 0] = own.shape;
      // Calls `visit` for every number that counts: its place in shared or own, its place in the features, its weight.
      const visit = (f: (part: "shared" | "own", from: number, to: number, weight: number) => void): void => {
        for (let c = 0; c < classes; c++) {
          for (let row = 0; row <= prefix + end[c]!; row++) {
            const part = row < prefix ? "shared" : "own";
            const from = part === "shared" ? row : c * length + row - prefix;
            for (let d = 0; d < width; d++) f(part, from * width + d, c * width + d, 1 / (1 + row));
          }
        }
      };
      const rows = { shared: shared.data, own: own.data };
      const features = new Float32Array(classes * width);
      visit((part, from, to, weight) => (features[to]! += weight * rows[part][from]!));
      return {
        features: { data: features, shape: [classes, width] },
        async pullback(gradient) {
          const back = { shared: new Float32Array(shared.data.length), own: new Float32Array(own.data.length) };
          visit((part, from, to, weight) => (back[part][from]! += weight * gradient[to]!));
          return back;
        },
        dispose: () => {},
      };
    },
  };
}

/**
 * Batches of random features with labels, the same for the same seed: what `fit` takes as `batches`.
 *
 * @example
 * ```ts
 * import { toyBatches } from "@locoop/prompt-learning/toy";
 *
 * for await (const { features, labels } of toyBatches({ classes: 2 })(0, 0)) console.log(features.local?.shape, labels);
 * ```
 */
export function toyBatches({
  classes,
  steps = 3,
  size = 4,
  regions = 2,
  seed = 1,
}: {
  classes: number;
  steps?: number;
  size?: number;
  regions?: number;
  seed?: number;
}): (epoch: number, firstStep: number) => AsyncGenerator<TrainingBatch, void, undefined> {
  return async function* (epoch, firstStep) {
    for (let step = firstStep; step < steps; step++) {
      const random = createRandom(`${seed}/${epoch}/${step}`);
      const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
      yield {
        features: {
          global: { data: normals(size * width), shape: [size, width] },
          local: { data: normals(size * regions * width), shape: [size, regions, width] },
        },
        labels: Int32Array.from({ length: size }, () => random.integer(classes)),
      };
    }
  };
}
