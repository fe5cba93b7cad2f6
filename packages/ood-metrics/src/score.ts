import { describe } from "./checks.js";
import { countImages, type Matches, type Row } from "./matches.js";

/** Options of a score from the index: names and numbers. */
export type ScoreOptions = Readonly<Record<string, number>>;

/** What a score sees of one image: its global cosines [C] and, for local scores, one row [C] per region, else none. */
export interface ScoreRow {
  readonly global: Row;
  readonly local: readonly Row[];
}

/** A score as `defineScore` takes it: names, defaults, and the function from one image to one number. */
export interface ScoreDefinition<O extends object> {
  /** Kebab-case name, as on the command line and in reports. */
  readonly name: string;
  /** Where it comes from: an arXiv number, a DOI or an address. */
  readonly cite: string;
  /** Every option with its default. */
  readonly defaults: O;
  /** Whether the score reads local features; false if left out. */
  readonly local?: boolean;
  /** One image to one number, higher = more in-distribution; must not write into its rows. */
  readonly row: (row: ScoreRow, options: Readonly<O>) => number;
}

/** A score: cosines of B images in, B numbers out, higher = more in-distribution. */
export interface Score<O extends object = ScoreOptions> {
  (matches: Matches, options?: Partial<O>): Float64Array;
  readonly name: string;
  readonly cite: string;
  readonly defaults: Readonly<O>;
  /** Whether the score needs local features. */
  readonly local: boolean;
}

/**
 * Makes a score from one function of one image; the result takes whole batches, [B, C] (and [B, P, C]) to [B].
 *
 * The score checks shapes and option names. It throws when local features are needed and missing, and when
 * an image's score is NaN. The row views are float32 or float64 as the caller's; numbers are float64.
 *
 * @example
 * ```ts
 * import { defineScore, softmax } from "@locoop/ood-metrics";
 * // The gap between the two best classes.
 * const margin = defineScore({
 *   name: "margin",
 *   cite: "https://example.org/margin",
 *   defaults: { temperature: 0.01 },
 *   row: ({ global }, { temperature }) => {
 *     const [first = 0, second = 0] = softmax(global, temperature).sort().reverse();
 *     return first - second;
 *   },
 * });
 * console.log(margin({ global: new Float64Array([0.9, 0.1, 0.25, 0.25]), classes: 2 })); // → 1,0
 * ```
 */
export function defineScore<O extends object>(definition: ScoreDefinition<O>): Score<O> {
  const { name, cite, local = false, row } = definition;
  const defaults = Object.freeze({ ...definition.defaults });
  const score = (matches: Matches, options: Partial<O> = {}): Float64Array => {
    const resolved = resolveOptions(name, defaults, options);
    const images = countImages(matches, { name, local });
    const { global, classes, regions = 0 } = matches;
    const out = new Float64Array(images); // [B]
    for (let image = 0; image < images; image++) {
      const value = row(
        {
          global: global.subarray(image * classes, (image + 1) * classes), // [C]
          local: local ? regionRows(matches.local!, image, regions, classes) : [], // P x [C]
        },
        resolved,
      );
      if (Number.isNaN(value)) {
        throw new RangeError(
          `${name}: expected finite cosines, got NaN for image ${image} of ${images}; check its features (a zero or broken vector has no cosine)`,
        );
      }
      out[image] = value;
    }
    return out;
  };
  // A function's own `name` is read-only to assignment, not to definition.
  return Object.defineProperties(score, {
    name: { value: name, enumerable: true },
    cite: { value: cite, enumerable: true },
    defaults: { value: defaults, enumerable: true },
    local: { value: local, enumerable: true },
  }) as Score<O>;
}

function regionRows(local: Row, image: number, regions: number, classes: number): Row[] {
  const start = image * regions * classes;
  return Array.from({ length: regions }, (_, region) =>
    local.subarray(start + region * classes, start + (region + 1) * classes),
  );
}

function resolveOptions<O extends object>(score: string, defaults: Readonly<O>, options: Partial<O>): Readonly<O> {
  const resolved: Record<string, unknown> = { ...defaults };
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(defaults, key)) {
      const known = Object.keys(defaults).join(", ") || "none";
      throw new TypeError(`${score}: expected only known options (${known}), got "${key}"; check the spelling`);
    }
    if (value === undefined) continue;
    if (typeof value !== typeof resolved[key] || Number.isNaN(value)) {
      throw new TypeError(
        `${score}: expected option ${key} as a ${typeof resolved[key]}, got ${describe(value)}; leave it out for the default`,
      );
    }
    resolved[key] = value;
  }
  return resolved as O;
}
