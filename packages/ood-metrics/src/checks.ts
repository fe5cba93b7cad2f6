/** A list of scores: a typed array or a plain array of numbers, one per image, higher = more in-distribution. */
export type ScoreList = ArrayLike<number>;

/** Copies scores into float64 and refuses what has no order: an empty list, NaN, anything that is not a number. */
export function copyScores(scores: ScoreList, side: "ID" | "OOD"): Float64Array {
  const length = (scores as ScoreList | undefined)?.length;
  if (typeof scores !== "object" || typeof length !== "number") {
    throw new TypeError(
      `${side} scores: expected an array of numbers, got ${describe(scores)}; pass one score per image`,
    );
  }
  if (length === 0) {
    throw new RangeError(
      `${side} scores: expected at least one number, got an empty array; score at least one ${side} image`,
    );
  }
  const copy = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const value: unknown = scores[i];
    if (typeof value !== "number" || Number.isNaN(value)) {
      throw new TypeError(
        `${side} scores: expected numbers, got ${describe(value)} at index ${i} of ${length}; find out why this image has no score, or leave it out`,
      );
    }
    copy[i] = value;
  }
  return copy;
}

/** Refuses a number that is not finite and above zero. */
export function requirePositive(name: string, value: number): void {
  if (!(value > 0 && value < Infinity)) {
    throw new RangeError(
      `${name}: expected a finite number above 0, got ${describe(value)}; leave it out for the default`,
    );
  }
}

/** Refuses a recall that is not above 0 and at most 1: percentages are a common slip. */
export function requireTpr(tpr: number): void {
  if (!(tpr > 0 && tpr <= 1)) {
    throw new RangeError(`tpr: expected a fraction above 0 and at most 1, got ${describe(tpr)}; write 0.95 for 95 %`);
  }
}

/** Refuses a value that is none of the choices. */
export function requireChoice(name: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) {
    const list = choices.map((choice) => `"${choice}"`).join(" or ");
    throw new RangeError(
      `${name}: expected ${list}, got ${describe(value)}; leave it out for ${JSON.stringify(choices[0])}`,
    );
  }
}

/** Names a value in an error message. */
export function describe(value: unknown): string {
  return typeof value === "object" && value !== null ? Object.prototype.toString.call(value) : String(value);
}
