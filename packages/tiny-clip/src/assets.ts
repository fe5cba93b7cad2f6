import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Where the files of the embedded model and its benchmark lie. */
export interface TinyClipPaths {
  /** float16 safetensors, OpenAI names, 3.7 MB. */
  readonly weights: string;
  /** Architecture, normalisation and prompt template as JSON. */
  readonly config: string;
  /** The first 2,500 merges of CLIP's byte pair encoding, one a line. */
  readonly merges: string;
  /** Concept names by role as JSON. */
  readonly concepts: string;
  /** The folder of the sprite sheets. */
  readonly sprites: string;
}

/** The roles of the emoji concepts, drawn once; every list holds display names and no name is in two of them, `neverNamed` aside. */
export interface Concepts {
  /** How the sprite sheets are laid out: row by row, `columns` wide, in the order of `id`, `nearOod`, `ood`; `clutter` in sheets of its own. */
  readonly sheets: {
    readonly designs: readonly string[];
    readonly columns: number;
    readonly objectSide: number;
    readonly clutterSide: number;
  };
  /** The 50 animal classes. */
  readonly id: readonly string[];
  /** 30 other animals. */
  readonly nearOod: readonly string[];
  /** Objects of the three drawn OOD sets, by folder name. */
  readonly ood: Readonly<Record<string, readonly string[]>>;
  /** The 99 concepts of `ood` that were kept out of the model's training, drawn or named. */
  readonly neverNamed: readonly string[];
  /** What may lie around an object, in any picture. */
  readonly clutter: readonly string[];
}

/**
 * The template that the model's zero-shot results are given for.
 *
 * @example
 * ```ts
 * import { tinyClipTemplate } from "@locoop/tiny-clip";
 * console.log(tinyClipTemplate.replace("{}", "fox")); // a picture of a fox.
 * ```
 */
export const tinyClipTemplate = "a picture of a {}.";

const asset = (name: string): string => fileURLToPath(new URL(`../assets/${name}`, import.meta.url));

/**
 * Paths of the embedded model's files on this machine; nothing is read.
 *
 * @example
 * ```ts
 * import { tinyClipPaths } from "@locoop/tiny-clip";
 * const { weights, config } = tinyClipPaths();
 * console.log(weights, config);
 * ```
 */
export function tinyClipPaths(): TinyClipPaths {
  return {
    weights: asset("tiny-clip.safetensors"),
    config: asset("tiny-clip.json"),
    merges: asset("merges.txt"),
    concepts: asset("concepts.json"),
    sprites: asset("sprites"),
  };
}

/**
 * Reads which concept plays which part in the benchmark.
 *
 * @example
 * ```ts
 * import { readConcepts } from "@locoop/tiny-clip";
 * const { id, ood } = await readConcepts();
 * console.log(id.length, Object.keys(ood)); // 50 [ 'plants-and-food', 'scenes', 'vehicles-and-things' ]
 * ```
 */
export async function readConcepts(): Promise<Concepts> {
  return JSON.parse(await readFile(tinyClipPaths().concepts, "utf8")) as Concepts;
}
