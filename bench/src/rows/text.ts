import { createTokenizer } from "@locoop/clip";
import { merges } from "@locoop/clip/merges";
import type { Context, Row } from "../context.js";
import { headFlops, textFlops } from "../flops.js";
import { sizes } from "../formula.js";
import { batchSize } from "../inputs.js";
import { interleave } from "../interleave.js";
import { availableMemory } from "../machine.js";
import { requireReference, startOurs, startPython } from "../peers/start.js";
import { extrapolate, relativeDistance, spreadOf, type Spread } from "../statistics.js";
import { formatTime } from "../table.js";
import type { Time } from "../timed.js";
import type { Answer } from "../peers/peer.js";
import { compare, describeParts, mediansOfParts, timeOf, towerWork } from "./compare.js";

const contexts = 16;

/** What a training step on text needs: the tower both ways and the head. */
export function stepFlops(names: readonly string[]): { tower: number; head: number } {
  const { embed, imageSize, patch, text } = sizes;
  const tokenizer = createTokenizer({ merges });
  const own = names.map((name) => tokenizer.encode(`${name}.`).length + 1); // and the end token
  const rows = batchSize * ((imageSize / patch) ** 2 + 1);
  return {
    tower: textFlops({ ...text, embed, shared: 1 + contexts, own, gradient: true }),
    head: headFlops({ rows, classes: names.length, embed }),
  };
}

/** The paper's 200 of 1000 classes, for any number. */
export const topKFor = (classes: number): number => Math.max(1, Math.round(classes / 5));

/** Loss and gradient of both sides, the worse of the two distances. */
export function stepDistance(ours: Answer, peer: Answer): number {
  const loss = Math.abs((ours["loss"] as number) - (peer["loss"] as number));
  return Math.max(loss, relativeDistance(ours.values ?? [], peer.values ?? []));
}

export const textRow: Row = {
  id: "text",
  what: "the same, the first 50 names",
  against: "reference",
  goal: "ratio 20",
  async run(context) {
    requireReference();
    const [ours, python] = [await context.ours(), await context.python()];
    const names = context.inputs.names.slice(0, 50);
    const args = { names, top_k: topKFor(names.length) };
    const { tower, head } = stepFlops(names);
    const { answers, ...result } = await compare(context, {
      ours: () => ours.call("text_step", args),
      peer: () => python.call("text_step", args),
      warmups: 2,
      tolerance: 1e-3,
      distance: stepDistance,
      flops: tower + head,
    });
    const parts = mediansOfParts(answers);
    return { ...result, tower: towerWork(tower, parts), note: describeParts(parts), details: { parts } };
  },
};

export const allNamesRow: Row = {
  id: "text-all",
  what: `LoCoOp text step, all 1000 ImageNet names, ${contexts} generic contexts, head included`,
  against: "reference, extrapolated",
  goal: "5 GB, fraction 0.75",
  async run(context) {
    const { names } = context.inputs;
    const alone = await startOurs(context.inputs, context.settings);
    const answers: Answer[] = [];
    let peak: number;
    try {
      for (let round = -1; round < Math.min(3, context.settings.rounds); round++) {
        if (round >= 0) await context.measurePeak();
        const answer = await alone.call("text_step", { names, top_k: topKFor(names.length) });
        if (round >= 0) answers.push(answer);
      }
      peak = (await alone.call("memory"))["bytes"] as number;
    } finally {
      await alone.close();
    }
    const { tower, head } = stepFlops(names);
    const parts = mediansOfParts(answers);
    const reference = await measureReference(context).catch((error: Error) => error.message);
    const compared = typeof reference === "string" ? { note: `reference not run: ${reference}` } : reference;
    const ratio = (key: "ms" | "cpu"): Spread | undefined =>
      "ms" in compared ? spreadOf(answers.map((answer) => compared[key] / answer[key]!)) : undefined;
    return {
      status: "partly calculated",
      ours: spreadOf(answers.map(({ ms }) => ms)),
      peer: "ms" in compared ? spreadOf([compared.ms]) : undefined,
      ratio: ratio("ms"),
      cpuRatio: ratio("cpu"),
      work: { flops: tower + head, time: timeOf(answers) },
      tower: towerWork(tower, parts),
      note: `peak memory ${(peak / 1e9).toFixed(2)} GB; ${describeParts(parts)}; ${compared.note}`,
      details: { peakMemory: peak, parts },
    };
  },
};

/** The reference at two sizes that fit, and the line through them at all names. */
async function measureReference({ inputs, settings }: Context): Promise<Time & { note: string }> {
  requireReference();
  // 50 classes take it about 3.5 GB.
  const [small, large] = settings.quick ? [10, 20] : availableMemory() > 16e9 ? [50, 150] : [25, 50];
  const python = await startPython(inputs, settings);
  try {
    const answers: Answer[][] = [[], []];
    const sides = [small, large].map((count, i) => async () => {
      const names = inputs.names.slice(0, count);
      const answer = await python.call("text_step", { names, top_k: topKFor(count) });
      answers[i]!.push(answer);
      return answer.ms;
    });
    const rounds = Math.min(settings.rounds, 3);
    await interleave(sides, { rounds });
    const [a, b] = answers.map((list) => timeOf(list.slice(-rounds))) as [Time, Time];
    if (!(b.ms > a.ms)) throw new Error("a small step took it longer than a large one: the machine is too busy");
    const { bytes } = await python.call("memory");
    const at = (key: "ms" | "cpu"): number =>
      extrapolate({ size: small, time: a[key] }, { size: large, time: b[key] }, inputs.names.length);
    const shown = `${small} names (${formatTime(a.ms)}) and ${large} (${formatTime(b.ms)}, ${((bytes as number) / 1e9).toFixed(1)} GB)`;
    return { ms: at("ms"), cpu: at("cpu"), note: `reference extrapolated from ${shown}` };
  } finally {
    await python.close();
  }
}
