import { createRequire } from "node:module";
import { realpath, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { encodeFloat16, type Floats, openTensorFile } from "@locoop/clip";
import { loadWeights, openFileSource } from "@locoop/clip/node";
import type { CoopPosition } from "@locoop/prompt-learning";
import { UsageError } from "./errors.js";
import { exists } from "./files.js";
import { findCheckpoint, openPublishedPrompt } from "./published-run.js";
import { resolveWeights } from "./weights-name.js";
import { taken, type TensorToWrite, writeTensors } from "./write-tensors.js";

/** What is converted, and how. */
export interface ConvertOptions {
  /** A CLIP's weights of any format (file, model folder, or the name of a downloaded model), or a learned prompt (checkpoint, Dassl's folder, a run). */
  readonly input: string;
  /** Ends in `.safetensors`. */
  readonly output: string;
  /** Half precision: of a prompt, and of a CLIP where OpenAI's own files have it. */
  readonly half?: boolean;
  /** Replaces a file that exists. */
  readonly force?: boolean;
  /** Where the class name stands in a prompt, if its file does not say so; kept in the metadata. */
  readonly position?: CoopPosition;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface Converted {
  readonly kind: "prompt" | "clip";
  /** The file that was read. */
  readonly source: string;
  readonly output: string;
  readonly bytes: number;
  readonly tensors: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly notices: readonly string[];
}

/**
 * Writes a CLIP's weights or a learned prompt as safetensors, which other programs read without this library: weights under OpenAI's
 * names, as `build_model` of the Python code takes them, a prompt as one tensor `ctx` with what is known of it in the metadata.
 * Tensors are written one by one; the file is there whole or not at all.
 *
 * @throws UsageError for an output that exists (without `force`), is the input or does not end in `.safetensors`; if the input is
 * neither of the two, or damaged, or holds a number that half precision cannot
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { tinyClipPaths } from "@locoop/tiny-clip";
 * import { convertFile } from "locoop/node";
 *
 * const output = join(await mkdtemp(join(tmpdir(), "convert-")), "clip.safetensors");
 * const { kind, tensors } = await convertFile({ input: tinyClipPaths().weights, output });
 * console.log(kind, tensors > 100); // clip true
 * ```
 */
export async function convertFile({
  input,
  output,
  half = false,
  force = false,
  position,
  signal,
}: ConvertOptions): Promise<Converted> {
  if (!output.endsWith(".safetensors"))
    throw new UsageError(`the output is a safetensors file: expected a name that ends in .safetensors, got ${output}`);
  const there = await stat(output).catch(() => undefined);
  if (there?.isDirectory()) throw new UsageError(`expected a file as output, but ${output} is a folder`);
  if (there && !force) throw taken(output);
  const place = async (path: string): Promise<string> => realpath(path).catch(() => resolve(path));
  const prepared = (await holdsPrompt(input))
    ? await preparePrompt(input, { half, position })
    : await prepareClip(input, { half });
  if ((await place(prepared.source)) === (await place(output)))
    throw new UsageError(`${output} is the input itself; choose another output`);
  const { tensors, metadata, ...rest } = prepared;
  const bytes = await writeTensors(output, tensors, { metadata, force, signal });
  return { ...rest, output, bytes, tensors: tensors.length, metadata };
}

interface Prepared extends Pick<Converted, "kind" | "source" | "metadata" | "notices"> {
  readonly tensors: readonly TensorToWrite[];
}

/** Whether an input is a learned prompt; what cannot be told is left to the readers' messages. */
async function holdsPrompt(input: string): Promise<boolean> {
  const found = await stat(input).catch(() => undefined);
  if (found?.isDirectory()) return (await findCheckpoint(input)) !== undefined;
  if (!found?.isFile()) return false;
  const source = await openFileSource(input);
  try {
    const { entries, metadata } = await openTensorFile(source);
    return entries.has("ctx") || "learner" in metadata || "checkpoint" in metadata;
  } catch {
    return false;
  } finally {
    await source.close();
  }
}

async function preparePrompt(
  input: string,
  { half, position: asked }: { half: boolean; position?: CoopPosition },
): Promise<Prepared> {
  const prompt = await openPublishedPrompt(input, { position: asked });
  const { path, contexts, classSpecific, epoch, dtype, format, checkpoint, notices } = prompt;
  // What neither the file nor its folder nor the user says is not put into the new file as if they had.
  const position = prompt.positionKnown ? prompt.position : undefined;
  const { init } = checkpoint.options;
  return {
    kind: "prompt",
    source: path,
    notices: position === undefined ? [...notices, UNKNOWN_POSITION] : notices,
    metadata: {
      ...commonMetadata(path),
      content: "prompt",
      "source-format": `${format}, ${dtype}`,
      "class-specific": String(classSpecific),
      ...(epoch !== undefined && { epoch: String(epoch) }),
      ...(position !== undefined && { position }),
      ...(typeof init === "string" && init !== "" && { init }),
    },
    tensors: [toWrite("ctx", contexts, { half, path })],
  };
}

const UNKNOWN_POSITION =
  "the file does not say where the class name stands in the prompt; the new one does if you give --position";

async function prepareClip(input: string, { half }: { half: boolean }): Promise<Prepared> {
  const path = (await exists(input)) ? input : await resolveWeights(input);
  const { weights, config, notices } = await loadWeights(path);
  const activation = config?.activation;
  return {
    kind: "clip",
    source: path,
    notices:
      activation === undefined || activation === "quick_gelu"
        ? notices
        : [
            ...notices,
            `the model computes with ${activation}, which OpenAI's names do not say: load it with --activation ${activation}`,
          ],
    metadata: { ...commonMetadata(path), content: "clip", ...(activation !== undefined && { activation }) },
    tensors: [...weights].map(([name, floats]) => toWrite(name, floats, { half: half && isHalf(name), path })),
  };
}

// What OpenAI's `convert_weights` leaves in float32: normalisations with their statistics, embeddings, the logit scale.
const FULL = /(^|\.)(ln_\w+|bn\d|downsample\.1)\.|(^|\.)\w*(class|positional|token)_embedding|^logit_scale$/;
const isHalf = (name: string): boolean => !FULL.test(name);

function toWrite(
  name: string,
  { data, shape }: Floats,
  { half, path }: { half: boolean; path: string },
): TensorToWrite {
  if (!half) return { name, dtype: "F32", shape, read: () => data };
  return {
    name,
    dtype: "F16",
    shape,
    read() {
      const large = data.find((value) => Math.abs(value) >= 65520);
      if (large !== undefined && Number.isFinite(large))
        throw new Error(`${path}: "${name}" holds ${large}, half precision ends at 65504; convert without --half`);
      return encodeFloat16(data);
    },
  };
}

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

// "pt" is what Python programs ask for before they take a file of tensors.
const commonMetadata = (path: string): Record<string, string> => ({
  format: "pt",
  source: basename(path),
  "written-by": `locoop ${version}`,
});
