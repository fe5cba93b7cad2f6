import { expect, it } from "vitest";
import { quote, trainCommand } from "./run-commands.js";
import type { Run } from "./run-folder.js";

const run = (learner: string, learnerOptions: Record<string, unknown>): Pick<Run, "dir" | "config" | "detector"> =>
  ({
    dir: "runs/it's here",
    config: {
      settings: {
        method: "LoCoOp",
        shots: 4,
        seed: 2,
        learner,
        learnerOptions,
        loss: "locoop",
        lambda: 0.25,
        topK: 10,
        views: 0,
        crop: [0.08, 1],
        epochs: 50,
        batchSize: 32,
        learningRate: 0.002,
      },
      model: { weights: "ViT-B-16.pt" },
      data: { root: "my data" },
      scores: ["gl-mcm", "mcm"],
    },
    detector: { origin: "left-over" },
  }) as unknown as Run;

it("writes the command that trains a run again", () => {
  const command = trainCommand(run("coop", { contexts: 4, classSpecific: true, position: "end", init: "" }));
  expect(command).toBe(
    "locoop train --data 'my data' --weights ViT-B-16.pt --shots 4 --seed 2 --learner coop --contexts 4 --class-specific --position end --lambda 0.25 --top-k 10 --epochs 50 --batch-size 32 --lr 0.002 --views 0 --crop 0.08,1 --score gl-mcm,mcm --out 'runs/it'\\''s here'",
  );
  expect(trainCommand(run("./mine.js", { size: 3 }))).toContain("--learner ./mine.js --learner-option size=3 ");
});

it("quotes what a shell would read", () => {
  expect(["a b", "$(x)", "plain/1.png", "it's"].map(quote)).toEqual(["'a b'", "'$(x)'", "plain/1.png", "'it'\\''s'"]);
});
