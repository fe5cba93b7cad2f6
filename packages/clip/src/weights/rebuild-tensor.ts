import type { RuleContext } from "./pickle-globals.js";
import { printable } from "./printable.js";
import { cost, isKind, show, typeOf, type Pickled, type TensorRef } from "./pickled.js";
import { countOf, extentOf } from "./tensor-view.js";

const mostAxes = 64; // as in PyTorch

/** `_rebuild_tensor_v2(storage, offset, size, stride, ...)`: a view, checked against its storage; nothing is read yet. */
export function rebuildTensor(args: readonly Pickled[], { charge, refuse, countTensor }: RuleContext): TensorRef {
  const [storage, offset, shape, strides] = args;
  if (!isKind(storage, "storage")) throw refuse(`makes a tensor of ${typeOf(storage)}, a storage was expected`);
  const wrong = (why: string): Error => refuse(`has a tensor in data/${printable(storage.key)} ${why}`);
  if (!isCount(offset)) throw wrong(`at the offset ${show(offset)}, which is not a position in it`);
  if (!isCounts(shape)) throw wrong("whose shape is not a tuple of sizes");
  if (!isCounts(strides) || strides.length !== shape.length) {
    throw wrong(`whose strides are not ${shape.length} steps forward`);
  }
  if (shape.length > mostAxes) throw wrong(`of ${shape.length} axes, ${mostAxes} are the most`);
  const last = extentOf({ shape, strides });
  if (!(offset + last <= storage.length)) {
    throw wrong(
      `that ends at ${offset + last} (offset ${offset}, shape [${shape.join(",")}], strides [${strides.join(",")}]); it has ${storage.length} numbers`,
    );
  }
  charge(cost.tensor);
  countTensor(4 * countOf({ shape }));
  return { kind: "tensor", dtype: storage.dtype, storage: storage.key, offset, shape, strides };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(value: Pickled | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount);
}
