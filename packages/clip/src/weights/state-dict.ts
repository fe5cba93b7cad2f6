import { isKind, typeOf, type InertObject, type Pickled, type TensorRef } from "./pickled.js";
import { bytesOf, countOf, extentOf } from "./tensor-view.js";
import type { TorchArchive } from "./torch-archive.js";

// A tree whose modules hold each other, or the same ones again and again, would give names without end.
const mostVisits = 200_000;
const mostNameLength = 2 ** 24; // of all names together

/**
 * The tensors of a checkpoint by their dotted names: of a TorchScript archive's modules, a plain state dict, or one under
 * `state_dict`; the `module.` that data-parallel training puts before every name is left out, values that are no tensors too.
 * Throws one line where there are none, or where all names together stand for more than the memory allowed for the file.
 *
 * @example
 * ```ts
 * import { stateDictOf, type TorchArchive } from "@locoop/clip";
 *
 * async function readFirst(archive: TorchArchive) {
 *   for (const [name, tensor] of stateDictOf(archive)) return { name, ...(await archive.readTensor(tensor)) };
 * }
 * ```
 */
export function stateDictOf({
  root,
  name,
  memoryLimit,
}: Pick<TorchArchive, "root" | "name" | "memoryLimit">): Map<string, TensorRef> {
  const tensors = isModule(root) ? flattenModule(root, name) : readDict(root, name);
  // One tensor under thousands of names costs the file next to nothing, and whoever reads them all as much as thousands.
  let bytes = 0;
  for (const ref of tensors.values()) {
    bytes += Math.max(4 * countOf(ref), extentOf(ref) * bytesOf(ref.dtype));
    if (bytes <= memoryLimit) continue;
    throw new Error(
      `${name}: its ${tensors.size} names stand for more than ${memoryLimit} bytes of tensors, the most for a file of this size: refused; ask the author for safetensors`,
    );
  }
  if (tensors.size === 0)
    throw new Error(`${name}: holds no tensors; a state dict was expected: is it the right file?`);
  const names = [...tensors.keys()];
  if (!names.every((key) => key.startsWith("module."))) return tensors;
  return new Map([...tensors].map(([key, tensor]) => [key.slice("module.".length), tensor]));
}

function readDict(root: Pickled, name: string): Map<string, TensorRef> {
  const inner = root instanceof Map ? (root.get("state_dict") ?? root) : root;
  if (!(inner instanceof Map)) {
    throw new Error(
      `${name}: holds ${typeOf(inner)}; a state dict, or a dict with one under "state_dict", was expected: is it the right file?`,
    );
  }
  const tensors = new Map<string, TensorRef>();
  for (const [key, value] of inner as ReadonlyMap<Pickled, Pickled>) {
    if (typeof key === "string" && isKind(value, "tensor")) tensors.set(key, value);
  }
  return tensors;
}

function flattenModule(root: InertObject, name: string): Map<string, TensorRef> {
  const tensors = new Map<string, TensorRef>();
  // In the order of the file: a module's own tensors before those of the modules inside it.
  const waiting: { prefix: string; module: InertObject }[] = [{ prefix: "", module: root }];
  let visits = 0;
  let length = 0;
  const endless = (): Error => new Error(`${name}: its modules hold each other without end: refused`);
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { prefix, module } = next;
    if (!(module.state instanceof Map)) continue;
    const inside: typeof waiting = [];
    for (const [key, value] of module.state as ReadonlyMap<Pickled, Pickled>) {
      if (++visits > mostVisits) throw endless();
      if (typeof key !== "string") continue;
      if (isKind(value, "tensor") && (length += prefix.length + key.length) > mostNameLength) throw endless();
      if (isKind(value, "tensor")) tensors.set(prefix + key, value);
      else if (isModule(value)) inside.push({ prefix: `${prefix}${key}.`, module: value });
    }
    waiting.push(...inside.toReversed());
  }
  return tensors;
}

function isModule(value: Pickled): value is InertObject {
  return isKind(value, "object") && value.global.startsWith("__torch__.");
}
