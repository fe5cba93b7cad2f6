import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { describeEngine, type EngineOptions, type EngineProbes, resolveByProbes, resolveEngine } from "./engine.js";

const missing = Object.assign(new Error("backend tensorflow needs a package"), { name: "NotInstalledError" });

/** Probes where only some engines start, and what was tried in which order. */
function only(...there: string[]): { tried: string[]; probes: EngineProbes } {
  const tried: string[] = [];
  const attempt = async (name: string, error: Error): Promise<void> => {
    tried.push(name);
    if (!there.includes(name)) throw error;
  };
  return {
    tried,
    probes: {
      startOnnx: async (device) => {
        await attempt(`onnx ${device}`, new Error("onnxruntime-node is not installed: npm install onnxruntime-node"));
        return "1.30.0";
      },
      startBackend: (backend) =>
        attempt(backend, backend === "tensorflow" ? missing : new Error(`the ${backend} backend did not start`)),
    },
  };
}

const all = ["onnx cpu", "tensorflow", "wasm", "cpu"];

it.each<[string[], string[], object, RegExp[]]>([
  [
    all,
    ["onnx cpu", "wasm"],
    { engine: "onnx", device: "cpu", threads: 3, head: "wasm" },
    [/^engine: ONNX Runtime 1\.30\.0 on cpu, 3 threads$/],
  ],
  [
    all.slice(1),
    ["onnx cpu", "tensorflow"],
    { engine: "tfjs", backend: "tensorflow" },
    [
      /^notice: onnxruntime-node is not installed: npm install onnxruntime-node \(with --global .*\); computing with TensorFlow\.js, which is slower$/,
      /^engine: TensorFlow\.js \d[\d.]+ on tensorflow$/,
    ],
  ],
  [
    ["wasm", "cpu"],
    ["onnx cpu", "tensorflow", "wasm"],
    { engine: "tfjs", backend: "wasm" },
    [/not installed/, /on wasm, up to 3 workers$/],
  ],
  [["cpu"], all, { engine: "tfjs", backend: "cpu" }, [/not installed/, /wasm backend did not start/, /on cpu, up to/]],
  [
    ["onnx cpu", "cpu"],
    ["onnx cpu", "wasm", "cpu"],
    { engine: "onnx", device: "cpu", threads: 3, head: "cpu" },
    [/wasm backend/, /loss on TensorFlow\.js cpu$/],
  ],
])("of %j takes the fastest, trying %j", async (there, order, engine, said) => {
  const { tried, probes } = only(...there);
  const resolved = await resolveByProbes({ threads: 3 }, probes);
  expect(tried).toEqual(order);
  expect(resolved).toMatchObject({ engine, threads: 3 });
  expect(resolved.notices).toHaveLength(said.length);
  said.forEach((pattern, i) => expect(resolved.notices[i]).toMatch(pattern));
});

it.each<[EngineOptions, string[], RegExp]>([
  [{ engine: "onnx" }, ["onnx cpu"], /onnxruntime-node is not installed/],
  [{ device: "cuda" }, ["onnx cuda"], /not installed/],
  [{ backend: "tensorflow" }, ["tensorflow"], /backend tensorflow needs/],
  [{ engine: "tfjs", backend: "wasm" }, ["wasm"], /wasm backend did not start/],
])("never puts another in the place of %j", async (options, order, reason) => {
  const { tried, probes } = only("cpu");
  await expect(resolveByProbes(options, probes)).rejects.toThrow(reason);
  expect(tried).toEqual(order);
});

it("takes what is asked for, without trying what is faster", async () => {
  for (const [options, engine, order] of [
    [{ backend: "cpu" }, { engine: "tfjs", backend: "cpu" }, ["cpu"]],
    [{ engine: "tfjs" }, { engine: "tfjs", backend: "tensorflow" }, ["tensorflow"]],
    [
      { engine: "onnx", backend: "tensorflow" },
      { engine: "onnx", device: "cpu", head: "tensorflow" },
      ["onnx cpu", "tensorflow"],
    ],
  ] as const) {
    const { tried, probes } = only(...all);
    expect((await resolveByProbes(options, probes)).engine).toMatchObject(engine);
    expect(tried).toEqual(order);
  }
});

it.each<[EngineOptions, RegExp]>([
  [{ engine: "onnx", backend: "wasm" }, /--backend wasm .*--engine onnx/],
  [{ engine: "tfjs", device: "cuda" }, /--device cuda .*--engine tfjs/],
  [{ backend: "cpu", device: "cpu" }, /--device cpu .*--backend cpu/],
])("refuses %j as a contradiction", async (options, reason) => {
  const error = resolveByProbes(options, only(...all).probes);
  await expect(error).rejects.toThrow(reason);
  await expect(error).rejects.toMatchObject({ name: "UsageError" });
});

it("starts for real, and says what started in one line", async () => {
  const { engine, notices } = await resolveEngine({ engine: "onnx", threads: 1 });
  expect(engine).toEqual({ engine: "onnx", device: "cpu", threads: 1, head: "wasm" });
  expect(notices).toEqual([expect.stringMatching(/^engine: ONNX Runtime [\d.]+ on cpu, 1 thread$/)]);
});

it("says in one line what does not load, and installs nothing for it", async () => {
  const { probes } = only("wasm");
  const startOnnx = (): Promise<string> =>
    Promise.reject(new Error("does not load here: no library\nRequire stack:\n- x"));
  const { notices } = await resolveByProbes({ threads: 1 }, { ...probes, startOnnx });
  expect(notices[0]).toBe(
    "notice: does not load here: no library Require stack: - x; computing with TensorFlow.js, which is slower",
  );
});

it("warns of more threads than cores, which wait for each other", async () => {
  const cores = availableParallelism();
  const { notices, threads } = await resolveEngine({ backend: "wasm", threads: cores + 1 });
  expect(threads).toBe(cores + 1);
  expect(notices[0]).toMatch(/^warning: \d+ threads are more than the \d+ cores? that there are/);
});

it("describes what decides the bits, and not how many threads there were", async () => {
  const onnx = await describeEngine({ engine: "onnx", device: "cpu", threads: 5 });
  expect(onnx).toMatchObject({ engine: "onnxruntime", device: "cpu", backend: "wasm" });
  expect(Object.keys(onnx.versions)).toEqual(["onnxruntime-node", "@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm"]);
  expect(JSON.stringify(onnx)).not.toContain("5,");
  const cpu = await describeEngine({ engine: "tfjs", backend: "cpu" });
  expect(cpu).toEqual({ engine: "tensorflow.js", backend: "cpu", versions: { "@tensorflow/tfjs": "4.22.0" } });
});

describe.runIf(process.env.LOCOOP_TENSORFLOW === "1")("TensorFlow", () => {
  it.each([
    { engine: "tfjs", backend: "tensorflow" },
    { engine: "onnx", device: "cpu", head: "tensorflow" },
  ] as const)("is recorded with its own version and what decides its products, for %j", async (choice) => {
    const { backend, versions, settings } = await describeEngine(choice);
    expect(backend).toBe("tensorflow");
    expect(versions.tensorflow).toMatch(/^\d+\.\d+\.\d+/);
    expect(versions["@tensorflow/tfjs-node"]).toBe("4.22.0");
    expect(settings).toEqual({ TF_ENABLE_ONEDNN_OPTS: "1" });
  });
});
