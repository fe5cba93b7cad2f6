import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { ImageFeatures } from "@locoop/clip";
import { decodeFloat16, encodeFloat16, writeSafetensors } from "@locoop/clip";
import { PICTURE_CHUNK } from "./features.js";

/** Sizes of cached features: `regions` P of local features, or 0 where there are none. */
export interface ViewSizes {
  readonly rows: number;
  readonly embedDim: number;
  readonly regions: number;
}

/** A run of consecutive rows in a file of its own. */
export interface ShardPlan {
  readonly file: string;
  readonly first: number;
  readonly rows: number;
}

/** A shard that is on disk. */
export interface Shard extends ShardPlan {
  readonly bytes: number;
  readonly sha256: string;
}

const LARGEST = 32 * 2 ** 20;
// Several chunks that go through the tower together, so that cutting never changes which these are; not so many that a stop costs much.
const LEAST = 4 * PICTURE_CHUNK;
const MOST = 16 * PICTURE_CHUNK;

/** Bytes of one row: E numbers, and P x E where there are local features, of two bytes each. */
export function rowBytes({ embedDim, regions }: ViewSizes): number {
  return 2 * embedDim * (1 + regions);
}

/** Cuts rows into shards of at most 32 MiB (or 64 rows): by sizes alone, so that every run cuts alike. */
export function planShards(sizes: ViewSizes): ShardPlan[] {
  const fitting = Math.floor(LARGEST / rowBytes(sizes) / LEAST) * LEAST;
  const each = Math.min(MOST, Math.max(LEAST, fitting));
  return Array.from({ length: Math.ceil(sizes.rows / each) }, (_, i) => ({
    file: `${String(i).padStart(5, "0")}.safetensors`,
    first: i * each,
    rows: Math.min(each, sizes.rows - i * each),
  }));
}

/** A shard as a safetensors file: F16 `global` [rows,E] and, where there are local features, `local` [rows,P,E]. */
export function toShardFile(features: ImageFeatures, metadata: Readonly<Record<string, string>>): Uint8Array {
  const { global, local } = features;
  return writeSafetensors(
    {
      global: { data: encodeFloat16(global.data), shape: global.shape },
      ...(local && { local: { data: encodeFloat16(local.data), shape: local.shape } }),
    },
    metadata,
  );
}

/** Reads rows by index out of the shards in `folder`, in order, as float32; `local` features only where asked for. */
export async function readShardRows(
  folder: string,
  shards: readonly Shard[],
  rows: readonly number[],
  { sizes, local: wanted }: { sizes: ViewSizes; local: boolean },
): Promise<ImageFeatures> {
  const { embedDim, regions } = sizes;
  const global = new Uint16Array(rows.length * embedDim);
  const local = wanted ? new Uint16Array(rows.length * regions * embedDim) : undefined;
  const each = shards[0]!.rows;
  const slots = new Map<Shard, number[]>();
  rows.forEach((row, slot) => {
    const shard = shards[Math.floor(row / each)]!;
    slots.set(shard, [...(slots.get(shard) ?? []), slot]);
  });
  const readOne = async ([shard, list]: readonly [Shard, readonly number[]]): Promise<void> => {
    const start = shard.bytes - shard.rows * rowBytes(sizes); // the tensors end the file, global first
    const file = await open(join(folder, shard.file));
    try {
      for (const slot of list) {
        const row = rows[slot]! - shard.first;
        await fill(file, part(global, slot, embedDim), start + 2 * row * embedDim);
        if (!local) continue;
        const place = shard.rows + row * regions; // in rows of E
        await fill(file, part(local, slot, regions * embedDim), start + 2 * place * embedDim);
      }
    } finally {
      await file.close();
    }
  };
  const reads = await Promise.allSettled([...slots].map(readOne));
  for (const read of reads) if (read.status === "rejected") throw read.reason;
  return {
    global: { data: decodeFloat16(global), shape: [rows.length, embedDim] },
    local: local && { data: decodeFloat16(local), shape: [rows.length, regions, embedDim] },
  };
}

function part(halves: Uint16Array, slot: number, length: number): Uint8Array {
  return new Uint8Array(halves.buffer, 2 * slot * length, 2 * length);
}

async function fill(file: FileHandle, target: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < target.length) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new Error("the file ended before the row did");
    done += bytesRead;
  }
}
