import type { RuleContext } from "./pickle-globals.js";
import { printable } from "./printable.js";
import { cost, show, typeOf, type Pickled, type StorageRef, type TensorRef } from "./pickled.js";

const mostAxes = 64; // as in PyTorch

/** `_rebuild_tensor_v2(storage, offset, size, stride, ...)`: a view, checked against its storage; nothing is read yet. */
export function rebuildTensor(args: readonly Pickled[], { charge, refuse, countTensor }: RuleContext): TensorRef {
  const [storage, offset, shape, strides] = args;
  if (!isStorage(storage)) throw refuse(`makes a tensor of ${typeOf(storage)}, a storage was expected`);
  const wrong = (why: string): Error => refuse(`has a tensor in data/${printable(storage.key)} ${why}`);
  if (!isCount(offset)) throw wrong(`at the offset ${show(offset)}, which is not a position in it`);
  if (!isCounts(shape)) throw wrong("whose shape is not a tuple of sizes");
  if (!isCounts(strides) || strides.length !== shape.length) {
    throw wrong(`whose strides are not ${shape.length} steps forward`);
  }
  if (shape.length > mostAxes) throw wrong(`of ${shape.length} axes, ${mostAxes} are the most`);
  const numbers = shape.reduce((product, side) => product * side, 1);
  const last = numbers === 0 ? 0 : shape.reduce((at, side, axis) => at + (side - 1) * (strides[axis] as number), 1);
  if (!(offset + last <= storage.length)) {
    throw wrong(
      `that ends at ${offset + last} (offset ${offset}, shape [${shape.join(",")}], strides [${strides.join(",")}]); it has ${storage.length} numbers`,
    );
  }
  charge(cost.tensor);
  countTensor(4 * numbers);
  return { kind: "tensor", dtype: storage.dtype, storage: storage.key, offset, shape, strides };
}

function isStorage(value: Pickled | undefined): value is StorageRef {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "storage";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(value: Pickled | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount);
}
