import { describe, expect, test } from "vitest";
import type { Floats } from "../floats.js";
import { createSimilarity } from "../towers/comparison.js";
import { createImageTower } from "../towers/image-tower.js";
import { createTextTower } from "../towers/text-tower.js";
import { engineCases, formulaFloats } from "./cases.js";
import type { Engine, EngineSession, Program } from "./engine.js";
import { referenceEngine } from "./reference/index.js";
import { formulaConfig as config, formulaResNetConfig, formulaWeights } from "./tiny-clip.js";

/**
 * The conformance suite of engines: every operation, its gradient and both towers against double precision.
 * Call it in a vitest file; `open` makes the engine ready, `tensors` counts what it holds, where it can be counted.
 *
 * @example
 * ```ts
 * import * as tf from "@tensorflow/tfjs";
 * import type { Engine } from "@locoop/clip";
 * import { tfjsEngine } from "@locoop/clip/tfjs";
 *
 * async function open(): Promise<Engine> {
 *   await tf.setBackend("cpu");
 *   return tfjsEngine({ tf });
 * }
 * // in a test file: describeEngine({ name: "tfjs cpu", open, tensors: () => tf.memory().numTensors });
 * ```
 */
export function describeEngine({
  name,
  open,
  tolerance = 2e-5, // fp32 arithmetic on numbers of about 1
  tensors = () => 0,
}: {
  name: string;
  open: () => Promise<Engine>;
  tolerance?: number;
  tensors?: () => number;
}): void {
  const near = (got: Floats, wanted: Floats): void => {
    expect(got.shape).toEqual(wanted.shape);
    const scale = Math.max(1, ...wanted.data.map(Math.abs));
    let gap = 0;
    got.data.forEach((value, i) => (gap = Math.max(gap, Math.abs(value - wanted.data[i]!))));
    expect(gap).toBeLessThan(tolerance * scale); // NaN is not less
  };
  const withSession = async (f: (session: EngineSession, exact: EngineSession) => Promise<void>): Promise<void> => {
    const engine = await open();
    const before = tensors();
    const session = engine.open();
    try {
      await f(session, referenceEngine().open());
    } finally {
      session.dispose();
    }
    expect(tensors()).toBe(before);
  };

  describe(`engine ${name}`, () => {
    test.each(engineCases.map((each) => [each.program.name, each] as const))("%s", (_, each) =>
      withSession(async (session, exact) => {
        const { program, inputs, differentiate } = each;
        const plain = await session.run(program, inputs);
        (await exact.run(program, inputs)).forEach((wanted, i) => near(plain[i]!, wanted));
        if (differentiate === 0) {
          // What serves pictures only says so where it is asked for a gradient.
          await expect(session.record(program, inputs, { differentiate: 1 })).rejects.toThrow("without gradient");
          return;
        }
        const seeds = plain.map(({ shape }, i) => formulaFloats(700 + i, shape));
        const recorded = await session.record(program, inputs, { differentiate });
        recorded.outputs.forEach((output, i) => near(output, plain[i]!));
        const gradients = await recorded.pullback(seeds);
        const truth = await exact.record(program, inputs, { differentiate });
        const wanted = await truth.pullback(seeds);
        expect(gradients).toHaveLength(differentiate);
        gradients.forEach((gradient, i) => near(gradient, wanted[i]!));
        await expect(recorded.pullback(seeds)).rejects.toThrow("used");
        recorded.dispose();
      }),
    );

    test("products of matrices large enough for an engine's faster ways", () =>
      withSession(async (session, exact) => {
        for (const [transposeA, transposeB] of [[], [true], [false, true], [true, true]]) {
          const program: Program = {
            name: `large matMul ${transposeA} ${transposeB}`,
            inputs: [0, 1].map(() => ({ type: "float32", shape: [2, 3, 128, 128] })),
            run: (ops, [a, b]) => [ops.matMul(a!, b!, { transposeA, transposeB })],
          };
          const inputs = [formulaFloats(50, [2, 3, 128, 128]), formulaFloats(51, [2, 3, 128, 128])];
          const [got] = await session.run(program, inputs);
          const [wanted] = await exact.run(program, inputs);
          expect(got!.shape).toEqual([2, 3, 128, 128]);
          near(got!, wanted!);
        }
      }));

    test("bytes are seen as 0 to 255", () =>
      withSession(async (session) => {
        const [y] = await session.run(
          {
            name: "bytes",
            inputs: [{ type: "uint8", shape: [2, 2] }],
            run: (ops, [x]) => [ops.affine(x!, { scale: 0.5 })],
          },
          [{ data: Uint8Array.of(0, 1, 128, 255), shape: [2, 2] }],
        );
        expect([...y!.data]).toEqual([0, 0.5, 64, 127.5]);
      }));

    test("cosines of pictures and regions with classes, with gradient", () =>
      withSession(async (session, exact) => {
        const images = { global: formulaFloats(1, [3, 24]), local: formulaFloats(2, [3, 5, 24]) };
        const classes = formulaFloats(3, [7, 24]);
        const compare = async (s: EngineSession, given: { global: Floats; local?: Floats }) => {
          const compared = await createSimilarity({ session: s }).compare(given, classes, { gradient: true });
          const local = given.local && formulaFloats(5, [3, 5, 7]).data;
          const data = await compared.pullback({ global: formulaFloats(4, [3, 7]).data, local });
          compared.dispose();
          return [compared.global, ...(compared.local ? [compared.local] : []), { data, shape: [7, 24] }];
        };
        for (const given of [images, { global: images.global }]) {
          const wanted = await compare(exact, given);
          const got = await compare(session, given);
          expect(got).toHaveLength(given === images ? 3 : 2);
          got.forEach((value, i) => near(value, wanted[i]!));
        }
      }));

    test("the image tower of a ModifiedResNet", () =>
      withSession(async (session, exact) => {
        const { imageSize: side, embedDim } = formulaResNetConfig;
        const weights = formulaWeights(formulaResNetConfig);
        const bytes = Uint8Array.from({ length: 2 * side * side * 3 }, (_, i) => (i * 37) % 256);
        const encode = (s: EngineSession) =>
          createImageTower({ session: s, weights, config: formulaResNetConfig, memoryLimit: 2 ** 30 }).encode(
            { data: bytes, batch: 2 },
            { local: true },
          );
        const [images, wanted] = [await encode(session), await encode(exact)];
        expect([images.global.shape, images.local!.shape]).toEqual([
          [2, embedDim],
          [2, 4, embedDim],
        ]);
        near(images.global, wanted.global);
        near(images.local!, wanted.local!);
      }));

    test("both towers, with gradient", () =>
      withSession(async (session, exact) => {
        const weights = formulaWeights();
        const all = (s: EngineSession) => ({ session: s, weights, config, memoryLimit: 2 ** 30 });
        const bytes = Uint8Array.from({ length: 2 * 12 * 12 * 3 }, (_, i) => (i * 37) % 256);
        const encodeImages = (s: EngineSession) =>
          createImageTower(all(s)).encode({ data: bytes, batch: 2 }, { local: true });
        const [images, wanted] = [await encodeImages(session), await encodeImages(exact)];
        expect(images.global.shape).toEqual([2, config.embedDim]);
        near(images.global, wanted.global);
        near(images.local!, wanted.local!);
        const prompts = {
          shared: formulaFloats(1, [3, 128]),
          own: formulaFloats(2, [3, 6, 128]),
          end: Int32Array.of(5, 2, 3),
        };
        const encodeText = async (s: EngineSession) => {
          const encoded = await createTextTower(all(s)).encode(prompts, { gradient: true });
          const { shared, own } = await encoded.pullback(formulaFloats(3, [3, 24]).data);
          encoded.dispose();
          return [encoded.features, { data: shared, shape: [3, 128] }, { data: own, shape: [3, 6, 128] }];
        };
        const truth = await encodeText(exact);
        (await encodeText(session)).forEach((value, i) => near(value, truth[i]!));
      }));
  });
}
