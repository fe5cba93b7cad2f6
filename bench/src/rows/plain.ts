import { spawnSync } from "node:child_process";
import type { Context, Row, RowResult } from "../context.js";
import { interleave } from "../interleave.js";
import { requireReference } from "../peers/start.js";
import { ratiosOf, relativeDistance, spreadOf } from "../statistics.js";
import type { Answer } from "../peers/peer.js";
import { commandLine } from "./cached-views.js";
import { compare } from "./compare.js";

/** Rows without towers are short: more rounds. */
const many = ({ settings }: Context): number => Math.max(settings.rounds, settings.quick ? 5 : 15);

const simple = async (
  context: Context,
  op: string,
  args: object,
  tolerance: number,
  distance?: (a: Answer, b: Answer) => number,
): Promise<Partial<RowResult>> => {
  const [ours, python] = [await context.ours(), await context.python()];
  const { answers: _, ...result } = await compare(context, {
    ours: () => ours.call(op, args),
    peer: () => python.call(op, args),
    rounds: many(context),
    warmups: 3,
    tolerance,
    distance,
  });
  return result;
};

export const metricsRow: Row = {
  id: "metrics",
  what: "AUROC, AUPR and FPR95 of 50,000 and 10,000 scores",
  against: "scikit-learn, FPR95 by the reference",
  goal: "ratio 3",
  async run(context) {
    requireReference();
    return simple(context, "metrics", {}, 1e-12, (a, b) =>
      relativeDistance(a["measures"] as number[], b["measures"] as number[]),
    );
  },
};

const tokenizerRow = (fresh: boolean): Row => ({
  id: fresh ? "tokenizer" : "tokenizer-warm",
  what: `tokenizer, 1000 class names, ${fresh ? "new words" : "words it has met before"}`,
  against: "reference",
  goal: "ratio 5",
  async run(context) {
    requireReference();
    return simple(context, "tokenize", { names: context.inputs.names, fresh }, 0);
  },
});
export const tokenizerRows = [tokenizerRow(true), tokenizerRow(false)];

export const resizeRow: Row = {
  id: "resize",
  what: "resize of 32 decoded pictures to a short side of 224, one thread, equal bytes",
  against: "Pillow",
  goal: "ratio 1",
  run: (context) =>
    simple(context, "resize", { paths: context.inputs.pictures, size: 224 }, 0, (a, b) =>
      JSON.stringify(a["checksums"]) === JSON.stringify(b["checksums"]) ? 0 : Infinity,
    ),
};

export const startRow: Row = {
  id: "start",
  what: "start of locoop --help",
  against: "node -e 0",
  goal: "ratio 0.25 (4 times)",
  async run(context) {
    const start =
      (...args: string[]) =>
      async () => {
        const begin = performance.now();
        const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
        if (status !== 0) throw new Error(`node ${args.join(" ")} ended with status ${status}`);
        return performance.now() - begin;
      };
    const sides = [start(commandLine, "--help"), start("-e", "0")];
    const [ours, node] = (await interleave(sides, { rounds: many(context), warmups: 2 })) as [number[], number[]];
    return { ours: spreadOf(ours), peer: spreadOf(node), ratio: ratiosOf(node, ours) };
  },
};
