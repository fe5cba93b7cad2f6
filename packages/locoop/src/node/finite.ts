import type { Floats, ImageFeatures } from "@locoop/clip";

/** Numbers of this size and larger are infinite as float16. */
const HALF_LIMIT = 65_520;

/** The first row of [R,...] with a number that is not below `limit` in size, and that number. */
function findBad({ data, shape }: Floats, limit: number): { row: number; value: number } | undefined {
  for (let i = 0; i < data.length; i++) {
    if (Math.abs(data[i]!) < limit) continue;
    return { row: Math.floor((i * shape[0]!) / data.length), value: data[i]! };
  }
  return undefined;
}

/** Stops at features that are not finite, or with `half` too large for float16; `describe` names the picture of a row. */
export function ensureFiniteFeatures(
  { global, local }: ImageFeatures,
  describe: (row: number) => string,
  { half = false }: { half?: boolean } = {},
): void {
  const limit = half ? HALF_LIMIT : Infinity;
  const bad = findBad(global, limit) ?? (local && findBad(local, limit));
  if (!bad) return;
  throw new Error(
    Number.isFinite(bad.value)
      ? `the features of ${describe(bad.row)} hold ${bad.value}, but cached views keep float16, which ends at 65504; train without --views`
      : `the features of ${describe(bad.row)} hold ${bad.value}: expected finite numbers; check the weights, which may be damaged`,
  );
}

/** Stops at class features that are not finite, by the class's name. */
export function ensureFiniteClasses(features: Floats, classNames: readonly string[]): void {
  const bad = findBad(features, Infinity);
  if (bad)
    throw new Error(
      `the features of class "${classNames[bad.row]}" hold ${bad.value}: expected finite numbers; check the weights, which may be damaged`,
    );
}
