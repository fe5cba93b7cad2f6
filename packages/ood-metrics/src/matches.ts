import { describe } from "./checks.js";

/** One row of cosines, [C]: a view into the caller's array, to be read only. */
export type Row = Float32Array | Float64Array;

/**
 * How well images match the classes: cosines in plain arrays, what `cosines()` of `@locoop/clip` returns.
 *
 * Never scaled logits: each score applies its own temperature or logit scale.
 *
 * @example
 * ```ts
 * import { mcm, type Matches } from "@locoop/ood-metrics";
 * const matches: Matches = { global: new Float32Array([0.31, 0.2, 0.19, 0.2]), classes: 2 }; // two images, two classes
 * console.log(mcm(matches).length); // → 2
 * ```
 */
export interface Matches {
  /** Cosines of the global features, [B, C] row by row. */
  readonly global: Row;
  /** Cosines of the local features, [B, P, C]; only local scores need them. */
  readonly local?: Row;
  /** C, the number of classes. */
  readonly classes: number;
  /** P, the number of regions per image; goes with `local`. */
  readonly regions?: number;
}

/** Checks that the arrays fit the counts and returns B; `local` says whether the score `name` reads local features. */
export function countImages(matches: Matches, { name, local }: { name: string; local: boolean }): number {
  const { global, classes, regions } = matches;
  requireRow(name, "global", global);
  requireCount(name, "classes", classes);
  if (global.length % classes !== 0) {
    throw new RangeError(
      `${name}: expected global cosines [B, ${classes}], got ${global.length} numbers, no multiple of ${classes}; check \`classes\``,
    );
  }
  const images = global.length / classes;
  if (!local) return images;
  if (matches.local === undefined) {
    throw new TypeError(
      `${name}: expected local cosines [B, P, C] too, got global ones only; encode the images with local features, or take a global score such as mcm`,
    );
  }
  requireRow(name, "local", matches.local);
  requireCount(name, "regions", regions);
  if (matches.local.length !== images * regions * classes) {
    throw new RangeError(
      `${name}: expected local cosines [${images}, ${regions}, ${classes}], got ${matches.local.length} numbers; check \`regions\``,
    );
  }
  return images;
}

function requireRow(score: string, field: string, value: unknown): void {
  if (!(value instanceof Float32Array || value instanceof Float64Array)) {
    throw new TypeError(
      `${score}: expected \`${field}\` as Float32Array or Float64Array, got ${describe(value)}; convert it, for example with Float64Array.from`,
    );
  }
}

function requireCount(score: string, field: string, value: number | undefined): asserts value is number {
  if (!(Number.isInteger(value) && Number(value) > 0)) {
    throw new RangeError(
      `${score}: expected \`${field}\` as a whole number above 0, got ${describe(value)}; pass the count`,
    );
  }
}
