import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { createImageTower } from "../../towers/image-tower.js";
import { createTextTower } from "../../towers/text-tower.js";
import { formulaFloats } from "../cases.js";
import type { EngineSession } from "../engine.js";
import { formulaConfig as config, formulaWeights } from "../tiny-clip.js";
import { onnxEngine, type OnnxRuntime } from "./index.js";

interface Creation {
  readonly model: Uint8Array;
  readonly options: { readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[] };
}

/** The real runtime, with a record of what it compiled and what is still there. */
function watched() {
  const created: Creation[] = [];
  const live = { sessions: 0 };
  const runtime: OnnxRuntime = {
    ...ort,
    InferenceSession: {
      async create(model, options) {
        created.push({ model, options: options as Creation["options"] });
        live.sessions++;
        const session = await ort.InferenceSession.create(model, options);
        return {
          run: (feeds, fetches) => session.run(feeds as never, fetches as never),
          release: async () => {
            live.sessions--;
            await session.release();
          },
        };
      },
    },
  };
  return { runtime, created, live };
}

const weights = formulaWeights();
const towers = (session: EngineSession, memoryLimit = 2 ** 30) => {
  const parts = { session, weights, config, memoryLimit };
  return { text: createTextTower(parts), image: createImageTower(parts) };
};
const prompts = (classes: number, lengths: readonly number[], shared = 3) => {
  const end = Int32Array.from({ length: classes }, (_, i) => lengths[i % lengths.length]! - 1);
  const longest = Math.max(...end) + 1;
  return {
    shared: formulaFloats(1, [shared, config.text.width]),
    own: formulaFloats(2, [classes, longest, config.text.width]),
    end,
  };
};
const pixels = (batch: number) => ({
  data: Uint8Array.from({ length: batch * config.imageSize ** 2 * 3 }, (_, i) => (i * 37) % 256),
  batch,
});

test("one compiled session serves every batch size, number of classes and prompt length", async () => {
  const { runtime, created, live } = watched();
  const session = (await onnxEngine({ runtime, threads: 1 })).open();
  const { text, image } = towers(session);
  for (const batch of [1, 5, 2]) {
    const { global } = await image.encode(pixels(batch));
    expect(global.shape).toEqual([batch, config.embedDim]);
  }
  expect(created).toHaveLength(1);
  for (const [classes, lengths, shared] of [
    [2, [3], 3],
    [7, [2, 5, 6], 3],
    [3, [4], 9],
  ] as const) {
    const encoded = await text.encode(prompts(classes, lengths, shared), { gradient: true });
    const { own } = await encoded.pullback(formulaFloats(3, [classes, config.embedDim]).data);
    expect(own.every(Number.isFinite)).toBe(true);
    encoded.dispose();
  }
  expect(created).toHaveLength(3); // the text tower's way there and back
  session.dispose();
  await Promise.resolve();
  expect(live.sessions).toBe(0);
});

test("weights are handed over by reference, not written into the model", async () => {
  const { runtime, created } = watched();
  const session = (await onnxEngine({ runtime, threads: 1 })).open();
  await towers(session).image.encode(pixels(1));
  const { model, options } = created[0]!;
  const arrays = new Set([...weights.values()].map(({ data }) => data.buffer));
  const shared = options.externalData.filter(({ data }) => arrays.has(data.buffer as ArrayBuffer));
  expect(shared.length).toBeGreaterThan(20); // all but what was transposed for the tower
  expect(model.length).toBeLessThan(40_000);
  session.dispose();
});

test("chunks that do not fit are recomputed, with the same result", async () => {
  const session = (await onnxEngine({ threads: 1 })).open();
  const batch = prompts(9, [4, 6]);
  const seed = formulaFloats(3, [9, config.embedDim]).data;
  const pull = async (memoryLimit: number) => {
    const encoded = await towers(session, memoryLimit).text.encode(batch, { gradient: true });
    const back = await encoded.pullback(seed);
    encoded.dispose();
    return { features: encoded.features.data, ...back };
  };
  const [whole, chunked] = [await pull(2 ** 30), await pull(1)];
  for (const key of ["features", "shared", "own"] as const) {
    const most = Math.max(...whole[key].map((value, i) => Math.abs(value - chunked[key][i]!)));
    expect(most).toBeLessThan(2e-5);
  }
  session.dispose();
});

test("a thousand steps leave nothing behind", { timeout: 120_000 }, async () => {
  const session = (await onnxEngine({ threads: 1 })).open();
  const { text } = towers(session);
  const batch = prompts(4, [3, 5]);
  const seed = formulaFloats(3, [4, config.embedDim]).data;
  const steps = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const encoded = await text.encode(batch, { gradient: true });
      if (i % 3 > 0) await encoded.pullback(seed); // a step that stops half way leaves nothing, either
      encoded.dispose();
    }
    globalThis.gc?.();
    return process.memoryUsage();
  };
  const before = await steps(200);
  const after = await steps(1000);
  // Far less than what a thousand steps keep for their way back
  expect(after.rss - before.rss).toBeLessThan(40e6);
  session.dispose();
});

test("inputs may lie in shared memory", async () => {
  const session = (await onnxEngine({ threads: 1 })).open();
  const { data, batch } = pixels(2);
  const shared = new Uint8Array(new SharedArrayBuffer(data.length));
  shared.set(data);
  const { image } = towers(session);
  const [plain, same] = [await image.encode({ data, batch }), await image.encode({ data: shared, batch })];
  expect(same.global).toEqual(plain.global);
  session.dispose();
});

test("a wrong shape and a disposed session are refused in one line", async () => {
  const session = (await onnxEngine({ threads: 1 })).open();
  const program = {
    name: "twice",
    inputs: [{ type: "float32", shape: [{ symbol: "B" }, 2] }] as const,
    run: <T>(ops: { add(a: T, b: T): T }, [x]: readonly T[]) => [ops.add(x!, x!)],
  };
  await expect(session.run(program, [formulaFloats(1, [3, 4])])).rejects.toThrow(
    "twice: expected input 0 of shape [B,2], came [3,4]",
  );
  session.dispose();
  await expect(session.run(program, [formulaFloats(1, [3, 2])])).rejects.toThrow("disposed");
});

test("a runtime that is too old or lacks the device is refused in one line", async () => {
  const old = { ...ort, env: { versions: { common: "1.17.0", node: "1.17.0" } } };
  await expect(onnxEngine({ runtime: old })).rejects.toThrow(
    "the ONNX engine needs ONNX Runtime 1.24 or newer, came 1.17.0: npm install onnxruntime-node@latest",
  );
  const plain = { ...ort, listSupportedBackends: () => [{ name: "cpu" }] };
  await expect(onnxEngine({ runtime: plain, device: "cuda" })).rejects.toThrow(/has no device cuda here: it has cpu$/);
  const failing = {
    ...ort,
    InferenceSession: { create: () => Promise.reject(new Error("Failed to load shared library\nat a place")) },
  };
  await expect(onnxEngine({ runtime: failing, device: "webgpu" })).rejects.toThrow(
    /^ONNX Runtime cannot compute on device webgpu here \(Failed to load shared library\): it needs a GPU [^\n]*$/,
  );
});
