import type { Floats } from "../floats.js";
import type { ByteSource } from "./byte-source.js";
import { archiveLimits, createBudget, limitsFrom, type ArchiveLimits } from "./limits.js";
import { storageDtype, type RuleContext } from "./pickle-globals.js";
import { printable } from "./printable.js";
import { show, typeOf, type Pickled, type StorageRef, type TensorRef } from "./pickled.js";
import type { IntTensor } from "./tensor-data.js";
import { bytesOf, countOf, createWidener, extentOf, gather, isContiguous } from "./tensor-view.js";
import { runPickle } from "./unpickle.js";
import { openZip, type Zip } from "./zip.js";

/** An opened checkpoint of PyTorch: what its pickle holds, and its tensors on demand. */
export interface TorchArchive {
  /** The file's name in messages. */
  readonly name: string;
  readonly kind: "torch.save" | "torchscript";
  /** Dicts as Maps, tensors as references; of a TorchScript archive, its tree of modules as inert objects. */
  readonly root: Pickled;
  /** What reading has cost so far: opcodes run, bytes read, and the most memory held at once. */
  readonly work: { readonly opcodes: number; readonly bytesRead: number; readonly peakBytes: number };
  /** Bytes of memory allowed for the file and all that is read of it. */
  readonly memoryLimit: number;
  /** A contiguous copy, floats widened (or narrowed) to float32, integers and booleans to int32. */
  readTensor(ref: TensorRef): Promise<Floats | IntTensor>;
}

const rangeBytes = 2 ** 17; // read at once
const storageCost = 80;

/**
 * Opens a checkpoint of PyTorch 1.6 or newer (`torch.save`, or a TorchScript archive such as OpenAI's CLIP files) by byte range
 * and without running anything in it. Tensors are read when asked for; an entry's CRC-32 is checked when it is first read.
 * Memory held stays within 4 times the file and 1 MB. Throws one line that names the file, the entry, the reason and what to do.
 * Source: PyTorch `torch/serialization.py`, `caffe2/serialize/inline_container.cc`.
 *
 * @example
 * ```ts
 * import { bytesSource, openTorchArchive, stateDictOf } from "@locoop/clip";
 *
 * try {
 *   const archive = await openTorchArchive(bytesSource(Uint8Array.of(0x80, 2), { name: "model.pth.tar-50" }));
 *   for (const [name, tensor] of stateDictOf(archive)) console.log(name, tensor.shape);
 * } catch (error) {
 *   console.log((error as Error).message); // model.pth.tar-50: a bare pickle, ...
 * }
 * ```
 */
export async function openTorchArchive(source: ByteSource, limits: Partial<ArchiveLimits> = {}): Promise<TorchArchive> {
  const bounds = limitsFrom(archiveLimits, limits);
  const { name } = source;
  const budget = createBudget({ name, limit: bounds.memoryFactor * source.size + bounds.memoryBase });
  let bytesRead = 0;
  const counted: ByteSource = {
    name,
    size: source.size,
    read(begin, length) {
      bytesRead += length;
      return source.read(begin, length);
    },
  };
  await checkStart(counted);
  const zip = await openZip(counted, {
    budget,
    most: bounds.entries,
    wanted: (entry) => /\/(data\.pkl|constants\.pkl|byteorder|data\/[^/]+)$/.test(entry),
  });
  const root = findRoot(zip, name);
  const readWhole = async (entry: string): Promise<Uint8Array<ArrayBuffer>> => {
    const size = zip.entries.get(entry)?.size ?? 0;
    budget.hold(size, entry);
    try {
      const bytes = new Uint8Array(size);
      await zip.stream(entry, (chunk, position) => bytes.set(chunk, position));
      return bytes;
    } catch (error) {
      budget.release(size);
      throw error;
    }
  };
  await checkByteOrder(zip, { name, entry: `${root}/byteorder`, readWhole });

  const pickle = `${root}/data.pkl`;
  const pickleSize = zip.entries.get(pickle)?.size ?? 0;
  if (pickleSize > bounds.pickleBytes) {
    throw new Error(`${name}: ${pickle}: has ${pickleSize} bytes, at most ${bounds.pickleBytes} are read: refused`);
  }
  const { value, opcodes } = runPickle(
    await readWhole(pickle),
    { ...bounds, dialect: "torch", name: `${name}: ${pickle}` },
    { budget, persistent: (id, context) => findStorage(id, context, { zip, root }) },
  );
  budget.release(pickleSize);

  const inflated = new Map<string, Promise<Uint8Array>>();
  const counts = new Set<string>();
  let viewed = 0;
  /** Counts each distinct view once: its result stays with the caller, and its bytes are read. */
  const account = (ref: TensorRef): void => {
    const key = JSON.stringify([ref.dtype, ref.storage, ref.offset, ref.shape, ref.strides]);
    if (counts.has(key)) return;
    budget.hold(4 * countOf(ref), `the tensor in ${root}/data/${ref.storage}`);
    viewed += extentOf(ref) * bytesOf(ref.dtype);
    const most = bounds.readFactor * source.size + bounds.memoryBase;
    if (viewed > most) {
      throw new Error(
        `${name}: ${root}/data/${ref.storage}: its views add up to more than ${most} bytes of a file of ${source.size}: refused; ask the author for safetensors`,
      );
    }
    counts.add(key);
  };
  /** The bytes of one range of a storage, in pieces. */
  const readPieces = async (
    entry: string,
    { begin, length, onPiece }: { begin: number; length: number; onPiece: (bytes: Uint8Array) => void },
  ): Promise<void> => {
    if (length === 0) return;
    const { stored } = zip.entries.get(entry) ?? { stored: true };
    if (!stored) {
      // A packed storage has no ranges: it is kept unpacked, so that its views do not unpack it again.
      const whole = inflated.get(entry) ?? readWhole(entry);
      inflated.set(entry, whole);
      onPiece((await whole).subarray(begin, begin + length));
    } else if (zip.isVerified(entry)) {
      for (let at = begin; at < begin + length; at += rangeBytes) {
        onPiece(await zip.readRange(entry, at, Math.min(rangeBytes, begin + length - at)));
      }
    } else {
      await zip.stream(entry, (chunk, position) => {
        const from = Math.max(0, begin - position);
        const to = Math.min(chunk.length, begin + length - position);
        if (from < to) onPiece(chunk.subarray(from, to));
      });
    }
  };

  return {
    name,
    kind: zip.entries.has(`${root}/constants.pkl`) ? "torchscript" : "torch.save",
    root: value,
    memoryLimit: budget.limit,
    get work() {
      return { opcodes, bytesRead, peakBytes: budget.peak };
    },
    async readTensor(ref) {
      account(ref);
      const width = bytesOf(ref.dtype);
      const entry = `${root}/data/${ref.storage}`;
      const range = { begin: ref.offset * width, length: extentOf(ref) * width };
      const widener = createWidener({ file: name, entry, dtype: ref.dtype, shape: ref.shape });
      if (isContiguous(ref)) {
        await readPieces(entry, { ...range, onPiece: widener.push });
        return widener.finish();
      }
      budget.hold(range.length, entry);
      try {
        const raw = new Uint8Array(range.length);
        let filled = 0;
        await readPieces(entry, {
          ...range,
          onPiece(bytes) {
            raw.set(bytes, filled);
            filled += bytes.length;
          },
        });
        gather(raw, ref, widener.push);
      } finally {
        budget.release(range.length);
      }
      return widener.finish();
    },
  };
}

/** Tells other kinds of file from an archive by their first bytes. */
async function checkStart(source: ByteSource): Promise<void> {
  const start = await source.read(0, Math.min(4, source.size));
  const [a, b, c, d] = start;
  if (a === 0x50 && b === 0x4b && (c === 3 || c === 5) && (d === 4 || d === 6)) return;
  const fail = (why: string): Error => new Error(`${source.name}: ${why}`);
  if (start.length === 0) throw fail("is empty; get the file again");
  if (a === 0x80 && b === 2 && c === 0x8a && d === 10) {
    throw fail(
      "was saved by a PyTorch older than 1.6 as bare pickles, which are not read; load it there and torch.save it again, or ask the author for safetensors",
    );
  }
  if (a === 0x80 && (b as number) <= 5) {
    throw fail("a bare pickle, where an archive of torch.save was expected: refused; ask the author for safetensors");
  }
  throw fail("no checkpoint of PyTorch: a zip archive of torch.save was expected; is it the right file?");
}

function findRoot(zip: Zip, name: string): string {
  const roots = [...zip.entries.keys()].flatMap((entry) => /^([^/]+)\/data\.pkl$/.exec(entry)?.[1] ?? []);
  if (roots.length === 1) return roots[0] as string;
  throw new Error(
    roots.length === 0
      ? `${name}: a zip archive without a data.pkl: no checkpoint of PyTorch; is it the right file?`
      : `${name}: has ${roots.length} checkpoints (${printable(roots.slice(0, 3).join(", "))}), one was expected: refused`,
  );
}

async function checkByteOrder(
  zip: Zip,
  { name, entry, readWhole }: { name: string; entry: string; readWhole: (entry: string) => Promise<Uint8Array> },
): Promise<void> {
  const size = zip.entries.get(entry)?.size;
  if (size === undefined) return; // written since PyTorch 2.1
  const order = size <= 16 ? new TextDecoder().decode(await readWhole(entry)).trim() : `${size} bytes`;
  if (order !== "little") {
    throw new Error(
      `${name}: ${entry}: says ${JSON.stringify(printable(order))}, only little-endian files are read; ask the author for safetensors`,
    );
  }
}

/** A persistent id: `("storage", type, key, location, numbers)`, which must fit its entry. */
function findStorage(
  id: Pickled,
  { charge, refuse }: RuleContext,
  { zip, root }: { zip: Zip; root: string },
): StorageRef {
  const [tag, type, key, , length] = Array.isArray(id) ? (id as readonly Pickled[]) : [];
  if (tag !== "storage") throw refuse(`asks for something outside of it (${typeOf(id)}), storages are known`);
  const dtype = storageDtype(type);
  if (!dtype) throw refuse(`has a storage of the type ${typeOf(type)}, which is not read`);
  if (typeof key !== "string" || !/^[^/\\]+$/.test(key)) {
    throw refuse(`has a storage whose name is ${show(key)}, not that of an entry`);
  }
  const entry = zip.entries.get(`${root}/data/${key}`);
  if (!entry) throw refuse(`refers to data/${printable(key)}, which the archive lacks`);
  if (typeof length !== "number" || entry.size !== length * bytesOf(dtype)) {
    throw refuse(
      `claims ${show(length)} numbers of ${dtype} in data/${printable(key)}, the entry has ${entry.size} bytes`,
    );
  }
  charge(storageCost);
  return { kind: "storage", dtype, key, length };
}
