import { createHash } from "node:crypto";
import { mkdir, readFile, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { ImageFeatures } from "@locoop/clip";
import { decodeFloat16, encodeFloat16 } from "@locoop/clip";
import { type PictureRequest, takeRows } from "./features.js";
import { removeLeftovers, sha256OfFile, sha256OfText, writeJson, writeWhole } from "./files.js";
import { ensureFiniteFeatures } from "./finite.js";
import type { RunConfig } from "./run-folder.js";
import { planShards, readShardRows, rowBytes, type Shard, type ShardPlan, toShardFile } from "./view-shards.js";

/** Features of views, rounded to float16, wherever they lie. */
export interface Views {
  /** Rows by index, in float32; local features only where asked for. */
  take(rows: readonly number[], options: { local: boolean }): Promise<ImageFeatures>;
}

/** What a cache is made of, and what makes it. */
export interface ViewCacheOptions {
  /** The cache is a folder of its own in here, named by its key. */
  readonly dir: string;
  /** Everything that the features depend on beside their number and sizes: the key is their hash. */
  readonly parts: Readonly<Record<string, unknown>>;
  /** One a row. */
  readonly requests: readonly PictureRequest[];
  readonly embedDim: number;
  /** P of local features, or 0 for none. */
  readonly regions: number;
  /** Gives features of consecutive requests, with local ones if there are regions. */
  readonly encode: (
    requests: readonly PictureRequest[],
    options: { signal: AbortSignal; onProgress: (done: number) => void },
  ) => Promise<ImageFeatures>;
  /** Names the picture of a row in errors; default: its path. */
  readonly describe?: (row: number) => string;
  /** How many shards are being made at once. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
  /** Called with the rows that are there. */
  readonly onProgress?: (done: number) => void;
  /** Called with what was found damaged, a line each. */
  readonly onNotice?: (line: string) => void;
}

interface ViewIndex {
  readonly version: 1;
  readonly key: string;
  readonly parts: Readonly<Record<string, unknown>>;
  readonly rows: number;
  readonly embedDim: number;
  readonly regions: number;
  readonly complete: boolean;
  readonly shards: readonly Shard[];
}

const INDEX = "index.json";

/** What features of a run's views depend on: weights, code, engine, pictures and how they are augmented. */
export function viewParts(
  { settings, model, engine, machine, versions, chunking, data }: RunConfig,
  { local }: { local: boolean },
): Record<string, unknown> {
  return {
    format: 1,
    weights: { sha256: model.sha256, activation: model.activation, mean: model.mean, std: model.std },
    engine,
    arch: machine.arch,
    versions: { locoop: versions.locoop, clip: versions["@locoop/clip"], sharp: versions.sharp },
    chunking,
    pictures: data.sha256,
    views: settings.views,
    crop: settings.crop,
    seed: settings.seed,
    local,
  };
}

/** Features in memory, given out as a cache would: rounded to float16. */
export function viewsInMemory(features: ImageFeatures): Views {
  const round = <T extends ImageFeatures["global"]>({ data, shape }: T): ImageFeatures["global"] => ({
    data: decodeFloat16(encodeFloat16(data)),
    shape,
  });
  return {
    async take(rows, { local }) {
      const taken = takeRows(local ? features : { global: features.global }, rows);
      return { global: round(taken.global), local: taken.local && round(taken.local) };
    },
  };
}

/**
 * Opens a cache of features on disk after making what is not there of it. Every shard is checked against its SHA-256; one that is
 * missing, cut short or changed is made again, and `onNotice` is told.
 *
 * @throws if a feature is not finite or beyond float16, by its picture; if the disk is full
 */
export async function openViewCache(options: ViewCacheOptions): Promise<Views> {
  const { dir, parts, requests, embedDim, regions, signal, onProgress } = options;
  const sizes = { rows: requests.length, embedDim, regions };
  const key = sha256OfText(JSON.stringify({ ...parts, ...sizes }));
  const folder = join(dir, `views-${key.slice(0, 16)}`);
  const plan = planShards(sizes);
  const shards = new Map<ShardPlan, Shard>();
  const missing: ShardPlan[] = [];
  await removeLeftovers(folder);
  const index = await readIndex(folder, key, options);
  let there = 0;
  for (const shard of plan) {
    signal?.throwIfAborted();
    const found = await findShard(folder, shard, index, options);
    if (found) shards.set(shard, found);
    else missing.push(shard);
    there += found ? shard.rows : 0;
    onProgress?.(there);
  }
  let writing = Promise.resolve();
  const writeIndex = (): Promise<void> => {
    writing = writing.then(() =>
      writeJson(join(folder, INDEX), {
        version: 1,
        key,
        parts,
        ...sizes,
        complete: shards.size === plan.length,
        shards: plan.flatMap((shard) => shards.get(shard) ?? []),
      } satisfies ViewIndex),
    );
    return writing;
  };
  if (missing.length > 0) {
    await ensureSpace(folder, missing.reduce((n, { rows }) => n + rows, 0) * rowBytes(sizes), options);
    const metadata = (shard: ShardPlan): Record<string, string> => ({
      format: "locoop-views-1",
      key,
      parts: JSON.stringify(parts),
      first: String(shard.first),
    });
    await makeShards(missing, there, options, async (shard, features) => {
      const file = toShardFile(features, metadata(shard));
      await written(writeWhole(join(folder, shard.file), file), folder);
      shards.set(shard, { ...shard, bytes: file.length, sha256: createHash("sha256").update(file).digest("hex") });
      await written(writeIndex(), folder);
    });
  }
  const done = plan.map((shard) => shards.get(shard)!);
  return {
    async take(rows, { local }) {
      try {
        return await readShardRows(folder, done, rows, { sizes, local: local && regions > 0 });
      } catch (error) {
        const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
        throw new Error(`cached views: cannot read ${folder} (${reason}); --resume makes what is missing again`, {
          cause: error,
        });
      }
    },
  };
}

async function readIndex(
  folder: string,
  key: string,
  { onNotice }: ViewCacheOptions,
): Promise<ReadonlyMap<string, Shard>> {
  const path = join(folder, INDEX);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return new Map();
  try {
    const index = JSON.parse(text) as ViewIndex;
    if (index.key === key) return new Map(index.shards.map((shard) => [shard.file, shard]));
  } catch {
    // told below
  }
  onNotice?.(`notice: cached views: ${path} is damaged; all of them are made again`);
  return new Map();
}

/** A shard that is there as the index says; undefined if it is to be made. */
async function findShard(
  folder: string,
  shard: ShardPlan,
  index: ReadonlyMap<string, Shard>,
  { onNotice }: ViewCacheOptions,
): Promise<Shard | undefined> {
  const entry = index.get(shard.file);
  if (!entry) return undefined;
  const path = join(folder, shard.file);
  const found = await stat(path).catch(() => undefined);
  if (
    found?.size === entry.bytes &&
    entry.first === shard.first &&
    entry.rows === shard.rows &&
    (await sha256OfFile(path).catch(() => "unreadable")) === entry.sha256
  )
    return entry;
  const what = !found ? "is missing" : found.size < entry.bytes ? "is cut short" : "is damaged";
  onNotice?.(`notice: cached views: ${path} ${what}; it is made again`);
  return undefined;
}

/** Encodes shards, several at once so that no worker waits for another's last picture; the first failure stops all. */
async function makeShards(
  missing: readonly ShardPlan[],
  there: number,
  options: ViewCacheOptions,
  keep: (shard: ShardPlan, features: ImageFeatures) => Promise<void>,
): Promise<void> {
  const { requests, embedDim, regions, encode, parallel = 1, signal, onProgress } = options;
  const { describe = (row) => requests[row]!.path } = options;
  const stop = new AbortController();
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const done = missing.map(() => 0);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < missing.length) {
      either.throwIfAborted();
      const at = next++;
      const shard = missing[at]!;
      const part = requests.slice(shard.first, shard.first + shard.rows);
      const features = await encode(part, {
        signal: either,
        onProgress: (count) => {
          done[at] = count;
          onProgress?.(there + done.reduce((a, b) => a + b, 0));
        },
      });
      const shape = JSON.stringify([features.global.shape, features.local?.shape]);
      const expected = [[shard.rows, embedDim], ...(regions > 0 ? [[shard.rows, regions, embedDim]] : [null])];
      if (shape !== JSON.stringify(expected))
        throw new Error(`cached views: expected features of the shapes ${JSON.stringify(expected)}, got ${shape}`);
      ensureFiniteFeatures(features, (row) => describe(shard.first + row), { half: true });
      await keep(shard, features);
    }
  };
  const workers = Array.from({ length: parallel }, () =>
    work().catch((error: unknown) => {
      stop.abort(error);
      throw error;
    }),
  );
  for (const result of await Promise.allSettled(workers))
    if (result.status === "rejected") throw either.reason ?? result.reason;
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

async function ensureSpace(folder: string, bytes: number, { requests }: ViewCacheOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  const disk = await statfs(folder).catch(() => undefined);
  const free = disk && disk.blocks > 0 ? disk.bavail * disk.bsize : Infinity; // some network disks tell nothing
  if (free < bytes)
    throw new Error(
      `cached views: ${requests.length} of them need ${mebibytes(bytes)} more in ${folder}, where ${mebibytes(free)} are free; make room, or take fewer views or none (--views 0)`,
    );
}

async function written(write: Promise<void>, folder: string): Promise<void> {
  try {
    await write;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const full = code === "ENOSPC" || code === "EDQUOT";
    throw new Error(
      full
        ? `cached views: no space is left on the disk of ${folder}; make room and go on with --resume, or take fewer views or none (--views 0)`
        : `cached views: cannot write to ${folder} (${code ?? message}); make it writable and go on with --resume`,
      { cause: error },
    );
  }
}
