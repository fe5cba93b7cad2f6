/** `Promise.all` of a function over a list, in order, with at most `limit` calls under way. */
export async function mapBounded<T, R>(
  list: readonly T[],
  run: (value: T, index: number) => Promise<R>,
  limit = 16,
): Promise<R[]> {
  const results: R[] = [];
  const rest = list.entries();
  const worker = async (): Promise<void> => {
    for (const [index, value] of rest) results[index] = await run(value, index);
  };
  await Promise.all(Array.from({ length: Math.min(limit, list.length) }, worker));
  return results;
}
