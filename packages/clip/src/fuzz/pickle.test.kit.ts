import type { Random } from "../random.js";
import { chance, integerBytes, interestingIntegers, mutateBytes, pick, utf8 } from "./bytes.test.kit.js";
import { hostileNames } from "./json.test.kit.js";

import { generatePickle } from "./pickle-grammar.test.kit.js";
import {
  argumentFor,
  codes,
  globals,
  joinPickle,
  lie,
  op,
  randomOp,
  splitPickle,
  type Op,
} from "./pickle-opcodes.test.kit.js";

type PickleMutation = (ops: Op[], at: number, random: Random) => Op[];

const mutations: readonly PickleMutation[] = [
  (ops, at) => [...ops.slice(0, at), ...ops.slice(at + 1)],
  (ops, at, random) => [...ops.slice(0, at), randomOp(random), ...ops.slice(at)],
  (ops, at, random) => ops.map((old, i) => (i === at ? { ...old, code: pick(random, codes) } : old)),
  (ops, at, random) =>
    ops.map((old, i) => (i === at ? { code: old.code, argument: argumentFor(old.code, random) } : old)),
  (ops, at, random) => ops.map((old, i) => (i === at ? { ...old, ...lie(random) } : old)),
  (ops, at, random) => {
    // A tensor's numbers: shapes, strides and offsets are small integers.
    const numbers = ops.flatMap(({ code }, i) => ([0x4b, 0x4d, 0x4a, 0x8a].includes(code) ? [i] : []));
    const chosen = numbers.length > 0 ? pick(random, numbers) : at;
    const width = pick(random, [1, 4, 8]);
    return ops.map((old, i) =>
      i === chosen ? op("\x8a", integerBytes(pick(random, interestingIntegers), width)) : old,
    );
  },
  (ops, at, random) => {
    const end = Math.min(ops.length, at + 1 + random.integer(12));
    const copies = pick(random, [1, 1, 2, 50]);
    return [
      ...ops.slice(0, end),
      ...Array.from({ length: copies }).flatMap(() => ops.slice(at, end)),
      ...ops.slice(end),
    ];
  },
  (ops, at, random) => {
    const to = random.integer(ops.length);
    return ops.map((old, i) => (i === at ? (ops[to] as Op) : i === to ? (ops[at] as Op) : old));
  },
  (ops, at, random) => {
    const nested = Array.from({ length: pick(random, [1, 3, 10, 100, 1100, 10_000]) }, () =>
      op(pick(random, ["(", "]", "}", "2", ")"])),
    );
    return [...ops.slice(0, at), ...nested, ...ops.slice(at)];
  },
  (ops, at, random) => {
    // Lists in lists by the memo, twice each: exponential where copied or walked as a tree.
    const laughs = Array.from({ length: pick(random, [2, 8, 40]) }, (_, i) => [
      op("]"),
      op("q", Uint8Array.of(i)),
      op("h", Uint8Array.of(i)),
      op("a"),
      op("h", Uint8Array.of(i)),
      op("a"),
    ]);
    return [...ops.slice(0, at), ...laughs.flat(), ...ops.slice(at)];
  },
  (ops, at, random) => ops.map((old, i) => (i === at ? op("c", pick(random, globals)) : old)),
  (ops, at, random) => {
    const known = ops.flatMap(({ code }, i) => (code === 0x63 ? [i] : []));
    const chosen = known.length > 0 ? pick(random, known) : at;
    return ops.map((old, i) => (i === chosen ? op("c", pick(random, globals)) : old));
  },
  (ops, at, random) => {
    const memo = op(pick(random, ["r", "j"]), integerBytes(pick(random, interestingIntegers), 4));
    return [...ops.slice(0, at), memo, ...ops.slice(at)];
  },
  (ops, at, random) => {
    // A state for the newest object, a call, or a new object of a class.
    const added = pick(random, [
      [op("}"), op("b")],
      [op(")"), op("R")],
      [op(")"), op("\x81")],
      [op("N"), op("b")],
      [op("c", pick(random, globals)), op(")"), op("R")],
      [op("("), op("X", utf8(pick(random, hostileNames))), op("N"), op("u")],
    ]);
    return [...ops.slice(0, at), ...added, ...ops.slice(at)];
  },
];

/** A pickle changed as bytes, opcode by opcode, or written anew. */
export function mutatePickle(
  bytes: Uint8Array,
  random: Random,
  others: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const way = random.next();
  if (way < 0.15) return mutateBytes(bytes, random, others);
  if (way < 0.25) return generatePickle(random);
  let ops = splitPickle(bytes);
  if (ops.length === 0) return mutateBytes(bytes, random, others);
  for (let i = 0; i <= (chance(random, 0.6) ? 0 : random.integer(6)); i++) {
    if (ops.length === 0) ops = [randomOp(random)];
    ops = pick(random, mutations)(ops, random.integer(ops.length), random);
  }
  return joinPickle(ops);
}
