/** One side of a comparison: does its work once and says how many milliseconds that took. */
export type Side = () => Promise<number>;

/**
 * Runs all sides once a round, forwards in one round and backwards in the next, so that what slows the machine down for a
 * while slows all of them. Rounds before the first counted one warm up; `between` runs before each counted round.
 */
export async function interleave(
  sides: readonly Side[],
  {
    rounds,
    warmups = 1,
    between = async () => {},
  }: { rounds: number; warmups?: number; between?: () => Promise<void> },
): Promise<number[][]> {
  const times: number[][] = sides.map(() => []);
  for (let round = -warmups; round < rounds; round++) {
    if (round >= 0) await between();
    const order = sides.map((_, i) => i);
    if (round % 2 !== 0) order.reverse();
    for (const i of order) {
      const time = await sides[i]!();
      if (round >= 0) times[i]!.push(time);
    }
  }
  return times;
}
