import { interleave } from "../interleave.js";
import type { Context, RowResult, Work } from "../context.js";
import { ratiosOf, relativeDistance, spreadOf } from "../statistics.js";
import type { Answer } from "../peers/peer.js";
import { addTimes, type Time } from "../timed.js";

/** One call of a side. */
export type Call = () => Promise<Answer>;

/**
 * Both sides in turn, and the line that follows: times, ratios round by round, how far the results of the first call are apart.
 * `flops` are what our side needed; with them the machine's peak is measured between the rounds.
 */
export async function compare(
  context: Context,
  {
    ours,
    peer,
    rounds = context.settings.rounds,
    warmups = 1,
    tolerance,
    distance = (a, b) => relativeDistance(a.values ?? [], b.values ?? []),
    flops,
  }: {
    ours: Call;
    peer: Call;
    rounds?: number;
    warmups?: number;
    tolerance: number;
    distance?: (ours: Answer, peer: Answer) => number;
    flops?: number;
  },
): Promise<Partial<RowResult> & { answers: Answer[] }> {
  const first: Answer[] = [];
  const answers: [Answer[], Answer[]] = [[], []];
  const sides = [ours, peer].map((call, i) => async () => {
    const answer = await call();
    first[i] ??= answer;
    answers[i]!.push(answer);
    await pause();
    return answer.ms;
  });
  const between = flops === undefined ? undefined : () => context.measurePeak();
  const [oursTimes, peerTimes] = (await interleave(sides, { rounds, warmups, between })) as [number[], number[]];
  const spread = spreadOf(oursTimes);
  const counted = answers.map((list) => list.slice(warmups)) as [Answer[], Answer[]];
  const [oursCpu, peerCpu] = counted.map((list) => list.map(({ cpu }) => cpu ?? 0)) as [number[], number[]];
  return {
    ours: spread,
    peer: spreadOf(peerTimes),
    ratio: ratiosOf(peerTimes, oursTimes),
    cpuRatio: Math.min(...oursCpu) > 0 ? ratiosOf(peerCpu, oursCpu) : undefined,
    check: { distance: distance(first[0]!, first[1]!), tolerance },
    work: flops === undefined ? undefined : { flops, time: timeOf(counted[0]) },
    answers: counted[0],
  };
}

/** The middle of the answers' times. */
export function timeOf(answers: readonly Pick<Answer, "ms" | "cpu">[]): Time {
  const middle = (key: "ms" | "cpu"): number => spreadOf(answers.map((answer) => answer[key] ?? NaN)).median;
  return { ms: middle("ms"), cpu: middle("cpu") };
}

/** Threads that wait for more work spin for a moment; they should not do so in the other side's time. */
const pause = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 200));

/** The middle of each part's times, for the row's details. */
export function mediansOfParts(answers: readonly Answer[]): Record<string, Time> {
  const parts = answers.map((answer) => answer["parts"] as Record<string, Time>);
  const names = Object.keys(parts[0] ?? {}).filter((name) => parts[0]![name]!.ms > 0);
  return Object.fromEntries(names.map((name) => [name, timeOf(parts.map((part) => part[name]!))]));
}

/** What the text tower alone had to compute, both ways. */
export function towerWork(flops: number, parts: Readonly<Record<string, Time>>): Work {
  return { flops, time: addTimes(parts["forward"]!, parts["backward"]!) };
}

/** "ours: forward 1.2 s, backward 2.0 s". */
export function describeParts(parts: Readonly<Record<string, Time>>): string {
  const shown = Object.entries(parts).map(([name, { ms }]) => `${name} ${(ms / 1000).toFixed(2)} s`);
  return `ours: ${shown.join(", ")}`;
}
