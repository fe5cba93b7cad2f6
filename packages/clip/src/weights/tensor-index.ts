import type { TensorFile } from "./tensor-file.js";
import { printable } from "./printable.js";
import { isRecord } from "./safetensors-header.js";
import { bytesPerElement } from "./tensor-data.js";

/** The checked index of a model in several files: which file holds which tensor. */
export interface TensorIndex {
  /** File of each tensor, by the tensor's name. */
  readonly files: ReadonlyMap<string, string>;
  /** All files, in order of their names. */
  readonly shards: readonly string[];
  /** Bytes of all tensors together, where the index says it. */
  readonly totalSize?: number;
}

const mostShards = 10_000;

/** Reads an index as Hugging Face writes it (`weight_map`, `metadata.total_size`); throws one line on any contradiction. */
export function parseTensorIndex(text: string): TensorIndex {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error("the index is not JSON: damaged or cut short; download it again");
  }
  const { weight_map: map, metadata } = isRecord(parsed) ? parsed : {};
  if (!isRecord(map) || Object.keys(map).length === 0) {
    throw new Error('the index has no "weight_map"; expected the file of each tensor by its name');
  }
  const files = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== "string" || !isPlainName(file)) {
      throw new Error(
        `the index puts tensor "${printable(name)}" into ${printable(JSON.stringify(file), 80)}: refused; expected the name of a file in its folder`,
      );
    }
    files.set(name, file);
  }
  const shards = [...new Set(files.values())].sort();
  if (shards.length > mostShards)
    throw new Error(`the index names ${shards.length} files, at most ${mostShards} are read`);
  const said = isRecord(metadata) ? metadata.total_size : undefined;
  return typeof said === "number" ? { files, shards, totalSize: said } : { files, shards };
}

/** No folder, no parent, nothing hidden: what an index of a stranger may name. */
function isPlainName(name: string): boolean {
  return /^[\w()[\] +,=@~-][\w()[\] +,=@~.-]*$/u.test(name) && name.length <= 255;
}

/** Joins a model's files to one; with an index, each file must hold just what the index says. */
export function joinTensorFiles(
  files: ReadonlyMap<string, TensorFile>,
  index?: TensorIndex,
): Pick<TensorFile, "entries" | "read"> {
  const entries = new Map<
    string,
    { readonly dtype: string; readonly shape: readonly number[]; readonly file: string }
  >();
  for (const [file, { entries: own }] of files) {
    for (const [name, { dtype, shape }] of own) {
      const other = entries.get(name);
      if (other)
        throw new Error(`tensor "${printable(name)}" is in ${other.file} and in ${file}; expected it in one of them`);
      const said = index?.files.get(name);
      if (index && said !== file) {
        throw new Error(
          `tensor "${printable(name)}" is in ${file}, ${said === undefined ? "the index does not name it" : `the index says ${said}`}: the files are not of one model`,
        );
      }
      entries.set(name, { dtype, shape, file });
    }
  }
  for (const [name, file] of index?.files ?? []) {
    if (!entries.has(name))
      throw new Error(`the index puts tensor "${printable(name)}" into ${file}, which does not hold it`);
  }
  checkTotalSize(entries.values(), index?.totalSize);
  return {
    entries,
    async read(name) {
      const file = files.get(entries.get(name)?.file ?? "");
      if (!file) throw new Error(`there is no tensor "${name}"`);
      return file.read(name);
    },
  };
}

function checkTotalSize(
  entries: Iterable<{ readonly dtype: string; readonly shape: readonly number[] }>,
  totalSize: number | undefined,
): void {
  if (totalSize === undefined) return;
  let size = 0;
  for (const { dtype, shape } of entries) size += shape.reduce((a, b) => a * b, bytesPerElement[dtype] ?? 0);
  if (size === totalSize) return;
  throw new Error(
    `the index says ${totalSize} bytes of tensors, its files hold ${size}: the files are not of one model`,
  );
}
