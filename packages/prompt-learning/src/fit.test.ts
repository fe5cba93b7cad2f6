import type { ImageFeatures, TextTower } from "@locoop/clip";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { beforeEach, describe, expect, it } from "vitest";
import { readCheckpoint, restore, writeCheckpoint, type Checkpoint } from "./checkpoint.js";
import { fit, type FitOptions, type FitStep } from "./fit.js";
import { createVariable, defineLearner, type Learner } from "./learner.js";
import { coop } from "./learners/coop.js";
import { template } from "./learners/template.js";
import type { Loss } from "./loss.js";
import { toyBatches, toyContext, toyText } from "./toy.js";

const context = toyContext({ classNames: ["hen", "tench", "kite"] });
const steps = 4;
const create = (): Learner => coop.create(context, { contexts: 4 });
const run = (learner: Learner, more: Partial<FitOptions> = {}): FitOptions => ({
  learner,
  text: toyText(),
  logitScale: 10,
  batches: toyBatches({ classes: 3, steps }),
  epochs: 3,
  optimizer: { learningRate: 0.05 },
  ...more,
});

async function bits(learner: Learner): Promise<number[]> {
  return Array.from(new Int32Array(Float32Array.from(await learner.variables[0]!.data()).buffer));
}

async function collect(options: FitOptions, count = Infinity): Promise<FitStep[]> {
  const done: FitStep[] = [];
  for await (const step of fit(options)) {
    done.push(step);
    if (done.length >= count) break;
  }
  return done;
}

describe("fit", () => {
  beforeEach(async () => void (await tf.setBackend("cpu")));

  it("yields every step of every epoch, with the epoch's learning rate", async () => {
    const learner = create();
    const done = await collect(run(learner));
    expect(done.map(({ epoch, step }) => [epoch, step])).toEqual(
      [0, 1, 2].flatMap((epoch) => [0, 1, 2, 3].map((step) => [epoch, step])),
    );
    expect(done.map(({ learningRate }) => learningRate).slice(3, 5)).toEqual([1e-5, 0.05]);
    learner.dispose();
  });

  it("lowers the loss of a fixed batch", async () => {
    const learner = create();
    const same = toyBatches({ classes: 3, steps: 1 });
    const done = await collect(run(learner, { batches: () => same(0, 0), epochs: 40 }));
    expect(done.at(-1)!.loss).toBeLessThan(0.9 * done[0]!.loss);
    learner.dispose();
  });

  // Central differences of the whole chain in float32: 1e-2 of the largest entry.
  it("has the gradient of the loss", async () => {
    const learner = create();
    const [variable] = learner.variables;
    const [{ gradient }] = (await collect(run(learner), 1)) as [FitStep];
    learner.dispose();
    const start = coop.create(context, { contexts: 4 });
    const values = Float32Array.from(await start.variables[0]!.data());
    const lossAt = async (index: number, move: number): Promise<number> => {
      const moved = values.slice();
      moved[index]! += move;
      restore(start, checkpointOf(moved, variable!.shape));
      return (await collect(run(start), 1))[0]!.loss;
    };
    const largest = Math.max(...gradient.contexts!.data.map(Math.abs));
    for (const index of [0, 5, 17, 31]) {
      const slope = ((await lossAt(index, 1e-2)) - (await lossAt(index, -1e-2))) / 2e-2;
      expect(Math.abs(slope - gradient.contexts!.data[index]!) / largest).toBeLessThan(1e-2);
    }
    start.dispose();
  });

  it.each(["cpu", "wasm"])("goes on from a checkpoint to the same bits on %s", async (backend) => {
    await tf.setBackend(backend);
    const straight = create();
    await collect(run(straight));

    const first = create();
    const seven = await collect(run(first), 7);
    const bytes = writeCheckpoint(await seven.at(-1)!.checkpoint());
    first.dispose();
    const second = create();
    const rest = await collect(run(second, { resume: readCheckpoint(bytes) }));
    expect(rest.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 3],
      [2, 0],
      [2, 1],
      [2, 2],
      [2, 3],
    ]);
    expect(await bits(second)).toEqual(await bits(straight));
    straight.dispose();
    second.dispose();
  });

  it("goes on with the next epoch after a checkpoint of an epoch's last step, and ends after the last", async () => {
    const learner = create();
    const done = await collect(run(learner));
    const rest = await collect(run(learner, { resume: await done[7]!.checkpoint() }));
    expect(rest.map(({ epoch, step }) => [epoch, step])).toEqual([
      [2, 0],
      [2, 1],
      [2, 2],
      [2, 3],
    ]);
    expect(rest.at(-1)!.loss).toBe(done.at(-1)!.loss);
    expect(await collect(run(learner, { resume: await done[11]!.checkpoint(), stepsPerEpoch: 4 }))).toEqual([]);
    learner.dispose();
  });

  it("keeps each step's checkpoint what it was, whatever comes after", async () => {
    const learner = create();
    const early: Checkpoint[] = [];
    const done: FitStep[] = [];
    for await (const step of fit(run(learner))) {
      early.push(await step.checkpoint());
      done.push(step);
    }
    for (const [i, step] of done.entries()) expect(await step.checkpoint()).toEqual(early[i]);
    learner.dispose();
  });

  it("resumes under the same settings only", async () => {
    const learner = create();
    const resume = await (await collect(run(learner), 1))[0]!.checkpoint();
    await expect(fit(run(learner, { resume, epochs: 10 })).next()).rejects.toThrow(
      "The checkpoint was made with epochs = 3; this run has 10.",
    );
    learner.dispose();
  });

  it("can be left at any step: closes its source, leaks nothing", async () => {
    const learner = create();
    const before = tf.memory().numTensors;
    let closed = 0;
    const source = toyBatches({ classes: 3, steps });
    for await (const { step } of fit(
      run(learner, {
        async *batches(epoch, firstStep) {
          try {
            yield* source(epoch, firstStep);
          } finally {
            closed++;
          }
        },
      }),
    )) {
      if (step === 2) break;
    }
    expect(closed).toBe(1);
    expect(tf.memory().numTensors).toBe(before);
    learner.dispose();
  });

  it("stops by the signal while it waits for a batch, and within a step, with the variables as they were", async () => {
    const learner = create();
    const before = [tf.memory().numTensors, await bits(learner)];
    const waiting = new AbortController();
    const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    const first = fit(run(learner, { batches: () => never, signal: waiting.signal })).next();
    waiting.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");

    const within = new AbortController();
    const loss: Loss = ({ global }) => {
      within.abort(new Error("now"));
      return { total: global.sum() as tf.Scalar, parts: {} };
    };
    await expect(fit(run(learner, { loss, signal: within.signal })).next()).rejects.toThrow("now");
    expect([tf.memory().numTensors, await bits(learner)]).toEqual(before);
    learner.dispose();
  });

  it("names epoch and step when the loss is no longer finite, and keeps the last good values", async () => {
    const learner = create();
    const before = tf.memory().numTensors;
    let calls = 0;
    const loss: Loss = ({ global }) => {
      const total = global.sum().mul(++calls === 6 ? NaN : 1) as tf.Scalar;
      return { total, parts: { sum: total.clone() as tf.Scalar } };
    };
    const good: Checkpoint[] = [];
    await expect(
      (async () => {
        for await (const step of fit(run(learner, { loss }))) good.push(await step.checkpoint());
      })(),
    ).rejects.toThrow("Training left the finite numbers at epoch 1, step 1 (learning rate 0.05): the loss is NaN.");
    expect(good).toHaveLength(5);
    expect(Array.from(await learner.variables[0]!.data())).toEqual(Array.from(good[4]!.variables.contexts!.data));
    expect(tf.memory().numTensors).toBe(before);
    learner.dispose();
  });

  const harms: [string, Partial<FitOptions>, RegExp][] = [
    [
      "a class's features",
      { text: brokenText(6, { features: (data) => (data[2 * 8 + 3] = NaN) }) },
      /the features of class "kite" hold NaN\. .*lower the learning rate/,
    ],
    [
      "a picture's features",
      { batches: brokenBatches(6, ({ global }) => (global.data[1 * 8] = Infinity)) },
      /the features of picture 1 of the batch \(class "(hen|tench|kite)"\) hold Infinity\. .*check the model's weights/,
    ],
    [
      "a region's features",
      {
        batches: brokenBatches(6, ({ local }) => (local!.data[3 * 2 * 8] = NaN)),
        loss: ({ global, local }) => ({ total: global.sum().add(local!.sum()) as tf.Scalar, parts: {} }),
      },
      /the features of picture 3 of the batch \(class ".*"\) hold NaN/,
    ],
    [
      "the loss",
      { loss: brokenLoss(6, (x) => x.sum().mul(Infinity)) },
      /the loss is -?Infinity\. .*lower the learning rate/,
    ],
    [
      "the gradient of the loss",
      { loss: brokenLoss(6, (x) => x.slice([0, 1], [-1, 1]).mul(0).sqrt().sum()) },
      /the gradient of the loss for class "tench" holds NaN/,
    ],
    [
      "what comes back from the text tower",
      { text: brokenText(6, { back: ({ shared }) => (shared[1 * 8] = -Infinity) }) },
      /the variable "contexts" would become Infinity/,
    ],
  ];
  it.each(harms)("names epoch, step and whose number it is where one is not finite: %s", async (_, harm, message) => {
    const learner = create();
    const before = tf.memory().numTensors;
    const good: Checkpoint[] = [];
    const training = (async () => {
      for await (const step of fit(run(learner, { classNames: context.classNames, ...harm })))
        good.push(await step.checkpoint());
    })();
    const { message: told } = await training.then(
      () => new Error("trained"),
      (error: Error) => error,
    );
    expect(told).toContain("Training left the finite numbers at epoch 1, step 2 (learning rate 0.05): ");
    expect(told).toMatch(message);
    expect(good).toHaveLength(6);
    expect(Array.from(await learner.variables[0]!.data())).toEqual(Array.from(good[5]!.variables.contexts!.data));
    expect(tf.memory().numTensors).toBe(before);
    const rest = await collect(run(learner, { resume: good[5] }));
    expect(rest.map(({ epoch, step }) => [epoch, step])[0]).toEqual([1, 2]);
    learner.dispose();
  });

  it("frees everything when loss or text tower throws", async () => {
    const learner = create();
    const before = tf.memory().numTensors;
    const bad: Loss = () => {
      throw new Error("no loss today");
    };
    await expect(fit(run(learner, { loss: bad })).next()).rejects.toThrow("no loss today");
    const text = { encode: () => Promise.reject(new Error("no tower today")) };
    await expect(fit(run(learner, { text })).next()).rejects.toThrow("no tower today");
    expect(tf.memory().numTensors).toBe(before);
    learner.dispose();
  });

  it("takes the learner's own loss unless it is given one", async () => {
    const own: Loss = ({ global }) => ({ total: global.sum() as tf.Scalar, parts: { own: tf.scalar(1) } });
    const other: Loss = ({ global }) => ({ total: global.mean() as tf.Scalar, parts: { other: tf.scalar(2) } });
    const learner = { ...create(), loss: own };
    expect((await collect(run(learner), 1))[0]!.parts).toEqual({ own: 1 });
    expect((await collect(run(learner, { loss: other }), 1))[0]!.parts).toEqual({ other: 2 });
    learner.dispose();
  });

  it("leaves a variable without gradient as it is", async () => {
    const definition = defineLearner({
      name: "idle",
      defaults: {},
      create(context) {
        const inner = coop.create(context, { contexts: 2 });
        const idle = createVariable("idle", tf.ones([2]));
        return { ...inner, variables: [...inner.variables, idle], dispose: () => (inner.dispose(), idle.dispose()) };
      },
    });
    const learner = definition.create(context);
    const [step] = (await collect(run(learner), 1)) as [FitStep];
    expect(Object.keys(step.gradient)).toEqual(["contexts"]);
    expect(Array.from(await learner.variables[1]!.data())).toEqual([1, 1]);
    learner.dispose();
  });

  it("refuses what cannot be trained", async () => {
    const fixed = template.create(context);
    await expect(fit(run(fixed)).next()).rejects.toThrow('Learner "template" has no variables');
    const learner = create();
    const refuse = async (more: Partial<FitOptions>, message: string): Promise<void> =>
      await expect(fit(run(learner, more)).next()).rejects.toThrow(message);
    await refuse({ batches: toyBatches({ classes: 3, steps: 0 }) }, "Epoch 0 has no batch");
    await refuse({ batches: toyBatches({ classes: 99 }) }, "Labels must be class indices from 0 to 2; got");
    const batch = { global: { data: new Float32Array(10), shape: [2, 5] } };
    const one = (labels: number): FitOptions["batches"] =>
      async function* () {
        yield { features: batch, labels: new Int32Array(labels) };
      };
    await refuse({ batches: one(2) }, "Image features have 5 dimensions and class features 8");
    fixed.dispose();
    learner.dispose();
  });
});

function checkpointOf(data: Float32Array, shape: number[]): Checkpoint {
  return { learner: "coop", options: {}, epoch: 0, step: 0, variables: { contexts: { data, shape } }, velocity: {} };
}

/** The toy tower, doing harm in one of its calls, counted from 0. */
function brokenText(
  call: number,
  harm: { features?: (data: Float32Array) => unknown; back?: (back: { shared: Float32Array }) => unknown },
): TextTower {
  let calls = 0;
  return {
    async encode(prompts, options) {
      const now = calls++ === call;
      const encoded = await toyText().encode(prompts, options);
      if (now) harm.features?.(encoded.features.data);
      return {
        ...encoded,
        async pullback(gradient) {
          const back = await encoded.pullback(gradient);
          if (now) harm.back?.(back);
          return back;
        },
      };
    },
  };
}

function brokenBatches(call: number, harm: (features: ImageFeatures) => unknown): FitOptions["batches"] {
  return async function* (epoch, firstStep) {
    let step = epoch * steps + firstStep;
    for await (const batch of toyBatches({ classes: 3, steps })(epoch, firstStep)) {
      if (step++ === call) harm(batch.features);
      yield batch;
    }
  };
}

function brokenLoss(call: number, broken: (global: tf.Tensor2D) => tf.Tensor): Loss {
  let calls = 0;
  return ({ global }) => ({
    total: (calls++ === call ? broken(global) : global.sum()) as tf.Scalar,
    parts: {},
  });
}
