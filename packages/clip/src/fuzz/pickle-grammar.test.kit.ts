import type { Random } from "../random.js";
import { chance, integerBytes, interestingIntegers, noise, pick, utf8 } from "./bytes.test.kit.js";
import { hostileNames } from "./json.test.kit.js";

import { globals, joinPickle, op, randomOp, type Op } from "./pickle-opcodes.test.kit.js";

/** A pickle from the opcodes' grammar: of sound values, of any opcodes, or of sound values with errors between them. */
export function generatePickle(random: Random): Uint8Array<ArrayBuffer> {
  const errors = pick(random, [0, 0.05, 0.3, 1]);
  const ops: Op[] = chance(random, 0.7) ? [op("\x80", Uint8Array.of(pick(random, [0, 1, 2, 2, 2, 3, 4, 5, 255])))] : [];
  let budget = 1 + random.integer(60);
  value(4);
  ops.push(op("."));
  return joinPickle(ops);

  function value(depth: number): void {
    budget--;
    if (chance(random, errors)) ops.push(randomOp(random));
    const kind = depth === 0 || budget < 0 ? random.integer(5) : random.integer(12);
    const items = random.integer(4);
    const repeat = (times: number): void => Array.from({ length: times }).forEach(() => value(depth - 1));
    switch (kind) {
      case 0:
        return void ops.push(op(pick(random, ["N", "\x88", "\x89", ")", "]", "}"])));
      case 1:
        return void ops.push(op("K", Uint8Array.of(random.integer(256))));
      case 2:
        return void ops.push(op("J", integerBytes(pick(random, interestingIntegers), 4)));
      case 3:
        return void ops.push(op("X", utf8(pick(random, ["ctx", "state_dict", "epoch", ...hostileNames]))));
      case 4:
        return void ops.push(
          chance(random, 0.5) ? op("G", noise(random, 8)) : op("h", Uint8Array.of(random.integer(6))),
        );
      case 5:
        ops.push(op("]"), op("q", Uint8Array.of(random.integer(6))), op("("));
        repeat(items);
        return void ops.push(op("e"));
      case 6:
        ops.push(op("}"), op("("));
        repeat(items * 2);
        return void ops.push(op("u"));
      case 7:
        ops.push(op("("));
        repeat(items);
        return void ops.push(op("t"));
      case 8:
        repeat(Math.max(1, items));
        return void ops.push(op(["\x85", "\x86", "\x87"][Math.max(1, items) - 1] as string));
      case 9:
        ops.push(op("c", pick(random, globals)), op("("));
        repeat(items);
        return void ops.push(op("t"), op(pick(random, ["R", "\x81"])));
      case 10:
        ops.push(
          op("("),
          op("X", utf8("storage")),
          op("c", utf8("torch\nFloatStorage\n")),
          op("X", utf8("0")),
          op("X", utf8("cpu")),
        );
        value(0);
        return void ops.push(op("t"), op("Q"));
      default:
        value(depth - 1);
        ops.push(op("}"), op("("));
        repeat(2);
        return void ops.push(op("u"), op("b"));
    }
  }
}
