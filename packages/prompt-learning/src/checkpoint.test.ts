import * as tf from "@tensorflow/tfjs";
import { writeSafetensors } from "@locoop/clip";
import { describe, expect, it } from "vitest";
import { readCheckpoint, restore, writeCheckpoint, type Checkpoint } from "./checkpoint.js";
import { coop } from "./learners/coop.js";
import { toyContext } from "./toy.js";

const contexts = { data: Float32Array.from({ length: 16 }, (_, i) => i / 3), shape: [2, 8] };
const checkpoint: Checkpoint = {
  learner: "coop",
  options: { contexts: 2, position: "end", classSpecific: false, init: "" },
  epoch: 3,
  step: 17,
  settings: {
    epochs: 50,
    learningRate: 0.002,
    momentum: 0.9,
    weightDecay: 5e-4,
    warmupEpochs: 1,
    warmupLearningRate: 1e-5,
  },
  variables: { contexts },
  velocity: { contexts: { ...contexts, data: contexts.data.map((x) => -x) } },
};
const learner = coop.create(toyContext({ classNames: ["hen", "tench"] }), { contexts: 2 });

describe("checkpoints", () => {
  it("come back as they were written", () => {
    expect(readCheckpoint(writeCheckpoint(checkpoint))).toEqual(checkpoint);
  });

  it("restore a learner's variables, as copies", async () => {
    const before = tf.memory().numTensors;
    const own = { ...contexts, data: contexts.data.slice() };
    restore(learner, { ...checkpoint, variables: { contexts: own } });
    own.data.fill(9);
    expect(Array.from(await learner.variables[0]!.data())).toEqual(Array.from(contexts.data));
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each<[Partial<Checkpoint>, string]>([
    [{ learner: "mine" }, 'The checkpoint is of learner "mine"; this one is "coop".'],
    [
      { options: { position: "front" } },
      'The checkpoint was made with option position = "front"; this learner has "end".',
    ],
    [{ variables: {} }, 'Learner "coop" has the variables contexts; the checkpoint has (none).'],
    [
      { variables: { contexts: { data: new Float32Array(24), shape: [3, 8] } } },
      'Variable "contexts" has shape [2,8]; the checkpoint has [3,8].',
    ],
    [
      { velocity: { contexts: { data: new Float32Array(8), shape: [1, 8] } } },
      'Variable "contexts" has shape [2,8]; the checkpoint has [1,8].',
    ],
  ])("refuse another learner: %o", async (change, message) => {
    const before = Array.from(await learner.variables[0]!.data());
    expect(() => restore(learner, { ...checkpoint, ...change })).toThrow(message);
    expect(Array.from(await learner.variables[0]!.data())).toEqual(before);
  });

  it("refuse safetensors that are no checkpoint", () => {
    const format = "locoop-prompt-1";
    const json = JSON.stringify({ learner: "coop", options: {}, epoch: 1, step: 2 });
    expect(() => readCheckpoint(writeSafetensors({ contexts }, {}))).toThrow(
      'Expected a prompt checkpoint (metadata format "locoop-prompt-1"); got format "none".',
    );
    for (const damaged of [
      "",
      "{",
      "[]",
      "null",
      JSON.stringify({ learner: "coop", options: {}, epoch: -1, step: 2 }),
    ]) {
      expect(() => readCheckpoint(writeSafetensors({}, { format, checkpoint: damaged }))).toThrow(
        "metadata must name learner",
      );
    }
    expect(() => readCheckpoint(writeSafetensors({ contexts }, { format, checkpoint: json }))).toThrow(
      'got "contexts"',
    );
    expect(() => readCheckpoint(Uint8Array.of(1, 2, 3))).toThrow("safetensors");
  });
});
