import {
  type ByteSource,
  type Floats,
  openTensorFile,
  openTorchArchive,
  type Pickled,
  type TensorRef,
  type TorchArchive,
} from "@locoop/clip";
import type { Checkpoint } from "./checkpoint.js";
import type { CoopPosition } from "./learners/coop.js";

/** A learned prompt as others publish it. */
export interface PublishedCheckpoint {
  /** The context vectors: [N,D] for all classes, or [C,N,D] of their own. */
  readonly contexts: Floats;
  /** Whether each class has contexts of its own; the classes must then come in the training's order. */
  readonly classSpecific: boolean;
  /** Epochs that were trained, if the file says so. */
  readonly epoch?: number;
  /** Place of the class name, if the file says so; files of LoCoOp and CoOp do not. */
  readonly position?: CoopPosition;
  readonly format: "torch.save" | "safetensors";
  /** Element type in the file: F16, F32, F64 or BF16. */
  readonly dtype: string;
  /** For `restore`, into a `coop` learner made with these options. */
  readonly checkpoint: Checkpoint;
}

/**
 * Reads the contexts that LoCoOp or CoOp published: `prompt_learner/model.pth.tar-N` as Dassl saves it, read without running
 * anything in it. Only `ctx` is taken, as the reference does: stored token prefixes and suffixes belong to other class names.
 *
 * Also reads a safetensors file with a tensor `ctx`, and what this project writes: a `Checkpoint` of the learner `coop`, a run's
 * `prompt.safetensors`. Half precision and bfloat16 are widened exactly; float64 is rounded to float32.
 *
 * @throws one line that names the file: no archive, one that asks for code or is damaged, no `ctx`, one that is no tensor, of another
 * rank, empty or not finite; CLIP's weights, an optimizer's state, or a prompt of another learner.
 * @example
 * ```ts
 * import { blobSource, writeSafetensors } from "@locoop/clip";
 * import { coop, readPublishedCheckpoint, restore } from "@locoop/prompt-learning";
 * import { toyContext } from "@locoop/prompt-learning/toy";
 *
 * const file = new Blob([writeSafetensors({ ctx: { data: new Float32Array(32), shape: [4, 8] } })]); // or a file that a user picked
 * const { checkpoint } = await readPublishedCheckpoint(blobSource(file));
 * const learner = coop.create(toyContext({ classNames: ["hen", "tench"] }), { ...checkpoint.options, position: "end" });
 * restore(learner, checkpoint);
 * console.log(checkpoint.options); // { contexts: 4, classSpecific: false }
 * learner.dispose();
 * ```
 */
export async function readPublishedCheckpoint(source: ByteSource): Promise<PublishedCheckpoint> {
  return (await looksLikeSafetensors(source)) ? readSafetensorsPrompt(source) : readTorchPrompt(source);
}

/** A length that fits the file, and then JSON: what no archive and no pickle begins with. */
async function looksLikeSafetensors(source: ByteSource): Promise<boolean> {
  if (source.size < 10) return false;
  const start = await source.read(0, 9);
  const header = new DataView(start.buffer).getBigUint64(0, true);
  return start[8] === 0x7b && header <= BigInt(source.size);
}

async function readTorchPrompt(source: ByteSource): Promise<PublishedCheckpoint> {
  const archive = await openTorchArchive(source);
  const root = archive.root;
  if (archive.kind === "torchscript") throw notPrompt(source, "this is a TorchScript model, such as CLIP's weights");
  if (!isDict(root)) throw notPrompt(source, "the file holds no dict");
  const state = isDict(root.get("state_dict")) ? (root.get("state_dict") as Dict) : root;
  const ctx = state.get("ctx") ?? state.get("module.ctx"); // as it is saved from several GPUs
  if (ctx === undefined) throw notPrompt(source, describeState(root, state));
  refuseOthers(source, [...state.keys()]);
  if (!isTensor(ctx))
    throw new Error(`${source.name}: expected "ctx" as a tensor, got ${describeValue(ctx)}; ${advice}`);
  checkShape(source, ctx.shape);
  const contexts = await readFloats(source, ctx, archive);
  return asPublished(source, { contexts, dtype: ctx.dtype, format: "torch.save", epoch: readEpoch(root.get("epoch")) });
}

async function readSafetensorsPrompt(source: ByteSource): Promise<PublishedCheckpoint> {
  const file = await openTensorFile(source);
  const { entries, metadata } = file;
  const own = readOwnMetadata(source, metadata);
  const name = ["ctx", "contexts", "variables.contexts"].find((key) => entries.has(key) && (key === "ctx" || own));
  if (name === undefined) throw notPrompt(source, describeKeys([...entries.keys()]));
  if (name === "ctx") refuseOthers(source, [...entries.keys()]);
  const { dtype, shape } = entries.get(name)!;
  if (!["F16", "F32", "F64", "BF16"].includes(dtype))
    throw new Error(`${source.name}: expected "${name}" in floating point, got ${dtype}; ${advice}`);
  checkShape(source, shape, name);
  const contexts = (await file.read(name)) as Floats;
  const position = own ? readPosition(own.options["position"]) : readPosition(metadata["position"]);
  const epoch = own?.epoch ?? readEpoch(metadata["epoch"]);
  return asPublished(source, {
    contexts,
    dtype,
    format: "safetensors",
    epoch,
    position,
    options: own?.options,
    init: metadata["init"],
    name,
  });
}

function asPublished(
  source: ByteSource,
  {
    contexts,
    epoch,
    position,
    options,
    init,
    name = "ctx",
    ...rest
  }: {
    contexts: Floats;
    dtype: string;
    format: PublishedCheckpoint["format"];
    epoch?: number;
    position?: CoopPosition;
    options?: Readonly<Record<string, unknown>>;
    init?: string;
    name?: string;
  },
): PublishedCheckpoint {
  const { data, shape } = contexts;
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new Error(`${source.name}: "${name}" holds ${data[bad]} at [${placeOf(bad, shape).join(",")}]; ${advice}`);
  const classSpecific = shape.length === 3;
  return {
    contexts,
    classSpecific,
    epoch,
    position,
    ...rest,
    checkpoint: {
      learner: "coop",
      options: options ?? {
        contexts: shape.at(-2)!,
        classSpecific,
        ...(position && { position }),
        ...(init && { init }),
      },
      epoch: epoch ?? 0,
      step: 0,
      variables: { contexts },
      velocity: {},
    },
  };
}

const advice = "the file is damaged or no learned prompt: get it again from where it was published";

type Dict = ReadonlyMap<Pickled, Pickled>;

const isDict = (value: unknown): value is Dict => value instanceof Map;

const isTensor = (value: unknown): value is TensorRef =>
  typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "tensor";

function notPrompt({ name }: ByteSource, found: string): Error {
  return new Error(
    `${name}: expected a learned prompt, with a tensor "ctx" in its state_dict, but ${found}; give prompt_learner/model.pth.tar-N of LoCoOp or CoOp`,
  );
}

function describeState(root: Dict, state: Dict): string {
  if (root.has("param_groups")) return "this is an optimizer's state";
  return describeKeys([...state.keys()].map((key) => (typeof key === "string" ? key : `(${describeValue(key)})`)));
}

/** Contexts of CoCoOp and the like mean nothing without the networks that were learned beside them. */
function refuseOthers({ name }: ByteSource, keys: readonly Pickled[]): void {
  const parts = keys.filter((key) => typeof key === "string" && key.replace(/^module\./, "").includes("."));
  if (parts.length === 0) return;
  throw new Error(
    `${name}: expected contexts alone, as LoCoOp and CoOp learn them, but ${describeKeys(parts as string[])} beside them: this is a prompt of another method, which is not computed here`,
  );
}

// JSON writes some of these as they are: turned text, line separators.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

function describeKeys(keys: readonly string[]): string {
  if (keys.some((key) => /visual\.conv1\.weight$|^vision_model\.|^text_model\./.test(key)))
    return "these are weights of CLIP";
  const some = keys.slice(0, 4).map((key) => JSON.stringify(key.slice(0, 60).replace(unprintable, "?")));
  return keys.length === 0 ? "it is empty" : `it has ${some.join(", ")}${keys.length > some.length ? ", ..." : ""}`;
}

function describeValue(value: Pickled): string {
  if (value === null) return "None";
  if (Array.isArray(value)) return "a list";
  if (isDict(value)) return "a dict";
  const { kind, global } = value as { kind?: string; global?: string };
  return global === undefined ? (kind ?? `a ${typeof value}`) : `an object of ${global}`;
}

function checkShape({ name: file }: ByteSource, shape: readonly number[], name = "ctx"): void {
  if ((shape.length === 2 || shape.length === 3) && shape.every((side) => side > 0)) return;
  throw new Error(
    `${file}: expected "${name}" of shape [contexts,width] or [classes,contexts,width], got [${shape.join(",")}]; ${advice}`,
  );
}

async function readFloats({ name }: ByteSource, ctx: TensorRef, archive: TorchArchive): Promise<Floats> {
  const { data, shape } = await archive.readTensor(ctx);
  if (!(data instanceof Float32Array))
    throw new Error(`${name}: expected "ctx" in floating point, got ${ctx.dtype}; ${advice}`);
  return { data, shape };
}

function readEpoch(value: unknown): number | undefined {
  const epoch = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  return typeof epoch === "number" && Number.isSafeInteger(epoch) && epoch >= 0 ? epoch : undefined;
}

const readPosition = (value: unknown): CoopPosition | undefined =>
  value === "end" || value === "middle" || value === "front" ? value : undefined;

/** Learner, options and epoch of a checkpoint or a run's prompt of our own; undefined for other files. */
function readOwnMetadata(
  { name }: ByteSource,
  metadata: Readonly<Record<string, string>>,
): { options: Readonly<Record<string, unknown>>; epoch?: number } | undefined {
  const { checkpoint, learner, options } = metadata;
  if (checkpoint === undefined && learner === undefined) return undefined;
  let value: unknown;
  try {
    value =
      checkpoint === undefined ? { learner, options: JSON.parse(options ?? "{}") as unknown } : JSON.parse(checkpoint);
  } catch {
    value = undefined;
  }
  const found = value as { learner?: unknown; options?: unknown; epoch?: unknown } | null | undefined;
  if (typeof found?.learner !== "string" || typeof found.options !== "object" || found.options === null)
    throw new Error(`${name}: its metadata does not say learner and options; it was damaged or changed`);
  if (found.learner !== "coop")
    throw new Error(
      `${name}: expected a prompt of the learner coop, got one of "${found.learner.slice(0, 60)}"; only contexts can be loaded this way`,
    );
  return { options: found.options as Record<string, unknown>, epoch: readEpoch(found.epoch) };
}

function placeOf(index: number, shape: readonly number[]): number[] {
  let rest = index;
  return shape.map((_, axis) => {
    const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const at = Math.floor(rest / stride);
    rest -= at * stride;
    return at;
  });
}
