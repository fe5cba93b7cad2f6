import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  assemble,
  emptySet,
  float,
  global,
  number,
  object,
  persistent,
  raw,
  reduce,
  tuple,
  writePickle,
  type Writable,
} from "./pickle.test.kit.js";
import { op } from "./pickle-opcodes.js";
import type { Pickled } from "./pickled.js";
import { unpickle } from "./unpickle.js";

const read = (value: Writable, dialect: "torch" | "split" = "torch"): Pickled =>
  unpickle(writePickle(value, { protocol: dialect === "torch" ? 2 : 4 }), { dialect }).value;

/** Runs opcodes as they are. */
const run = (...parts: (number | string | Uint8Array)[]): Pickled =>
  unpickle(assemble(op.PROTO, 2, ...parts), { dialect: "torch", name: "a.pth: data.pkl" }).value;

const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }).filter((value) => !Number.isSafeInteger(Number(value))),
  fc.double({ noNaN: false }).filter((value) => !Number.isInteger(value) || Object.is(value, -0)),
  fc.string({ unit: "binary" }).filter((text) => !/\p{Cs}/u.test(text)),
);
const values = fc.letrec<{ value: Writable }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 6 }),
    fc.array(tie("value"), { maxLength: 6 }).map((items) => tuple(...items)),
    fc.array(fc.tuple(fc.string(), tie("value")), { maxLength: 6 }).map((pairs) => new Map(pairs)),
  ),
})).value;

/** What a written value is read as. */
function expected(value: Writable): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(expected);
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, expected(inner as Writable)]));
  return (value as { parts: readonly Writable[] }).parts.map(expected);
}

describe("values that are read", () => {
  it.each(["torch", "split"] as const)("gives back what Python would have written (%s)", (dialect) => {
    fc.assert(
      fc.property(values, (value) => {
        expect(read(value, dialect)).toEqual(expected(value));
      }),
    );
  });

  it("reads bytes in the protocols of split files", () => {
    expect(read(Uint8Array.of(0, 255), "split")).toEqual(Uint8Array.of(0, 255));
    expect(read(emptySet, "split")).toEqual(new Set());
  });

  it("keeps integers above 2^53 exact, and the sign of all", () => {
    const many = [2 ** 53 - 1, -(2 ** 40), 2n ** 64n, -(2n ** 63n), -1, 255, 256, 65_536, -(2 ** 31)];
    expect(read(many)).toEqual(many);
    expect(run(op.LONG1, 0, op.STOP)).toBe(0);
  });

  it("keeps a list that occurs twice one list", () => {
    const shared: Writable = [1];
    const [a, b] = read([shared, shared]) as [Pickled, Pickled];
    expect(a).toBe(b);
  });

  it("puts keys of JavaScript's own into a Map and nowhere else", () => {
    const value = read(
      new Map<Writable, Writable>([
        ["__proto__", new Map([["polluted", 1]])],
        ["constructor", 2],
      ]),
    );
    expect(value).toBeInstanceOf(Map);
    expect([...(value as Map<string, Pickled>).keys()]).toEqual(["__proto__", "constructor"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("reads the dicts, sets, sizes and bytes of the standard library and PyTorch", () => {
    expect(read(reduce(global("collections", "OrderedDict"), [tuple("a", 1)]))).toEqual(new Map([["a", 1]]));
    expect(read(reduce(global("collections", "defaultdict"), global("__builtin__", "dict")))).toEqual(new Map());
    expect(read(reduce(global("__builtin__", "set"), [1, 2]))).toEqual(new Set([1, 2]));
    expect(read(reduce(global("torch", "Size"), tuple(2, 3)))).toEqual([2, 3]);
    expect(read(reduce(global("_codecs", "encode"), "a\u00ff", "latin1"))).toEqual(Uint8Array.of(97, 255));
    expect(read(global("torch", "float16"))).toEqual({ kind: "global", global: "torch.float16" });
    expect(read(reduce(global("torch", "device"), "cuda", 0))).toMatchObject({
      global: "torch.device",
      args: ["cuda", 0],
    });
  });

  it("makes optimisers, schedulers and TorchScript modules inert objects with their state", () => {
    for (const [module, name] of [
      ["torch.optim.sgd", "SGD"],
      ["torch.optim", "Adafactor"], // names itself without its module
      ["torch.optim.lr_scheduler", "CosineAnnealingLR"],
      ["dassl.optim.lr_scheduler", "ConstantWarmupScheduler"],
      ["__torch__.multimodal.model.___torch_mangle_9367", "LayerNorm"],
    ] as const) {
      expect(read(object(module, name, new Map([["last_epoch", 50]])))).toEqual({
        kind: "object",
        global: `${module}.${name}`,
        args: [],
        state: new Map([["last_epoch", 50]]),
      });
    }
  });

  it("drops the attributes of an ordered dict, as PyTorch's _metadata", () => {
    expect(
      run(op.GLOBAL, "collections\nOrderedDict\n", op.EMPTY_TUPLE, op.REDUCE, op.EMPTY_DICT, op.BUILD, op.STOP),
    ).toEqual(new Map());
  });

  it("reads the items of a split as inert objects", () => {
    const datum = object("dassl.data.datasets.base_dataset", "Datum", new Map<Writable, Writable>([["_label", 3]]));
    expect(read(new Map([["train", [datum]]]), "split")).toEqual(
      new Map([
        [
          "train",
          [
            {
              kind: "object",
              global: "dassl.data.datasets.base_dataset.Datum",
              args: [],
              state: new Map([["_label", 3]]),
            },
          ],
        ],
      ]),
    );
  });

  it("counts its work in opcodes", () => {
    expect(unpickle(writePickle([1, 2]), { dialect: "torch" }).opcodes).toBe(8);
  });
});

describe("what a pickle is refused for", () => {
  const running =
    (...parts: (number | string | Uint8Array)[]) =>
    (): Pickled =>
      run(...parts);

  it.each([
    ["posix", "system"],
    ["os", "system"],
    ["nt", "system"],
    ["builtins", "eval"],
    ["__builtin__", "exec"],
    ["builtins", "getattr"],
    ["builtins", "__import__"],
    ["subprocess", "Popen"],
    ["torch.hub", "load"],
    ["torch.optim.sgd", "__init__"],
    ["torch.optim.evil", "SGD"],
    ["torch._utils", "_rebuild_tensor_v3"],
    ["numpy.core.multiarray", "scalar"],
    ["dassl.data.datasets.base_dataset", "Datum"],
    ["constructor", "constructor"],
  ])("a global that is not on the list, by name: %s.%s", (module, name) => {
    const shown = `${module === "__builtin__" ? "builtins" : module}.${name}`;
    expect(running(op.GLOBAL, `${module}\n${name}\n`, op.STOP)).toThrow(
      new RegExp(
        `^a\\.pth: data\\.pkl: a pickle asks for ${shown.replaceAll(".", "\\.")}: refused; ask the author for safetensors$`,
      ),
    );
  });

  it("a name that would break the message's line", () => {
    expect(running(op.GLOBAL, "a\u001b[31mb\nc\u2028\n", op.STOP)).toThrow(/asks for a\?\[31mb\.c\?: refused/);
  });

  it("anything of torch in a split, and persistent ids there", () => {
    const split = (value: Writable): Pickled => read(value, "split");
    expect(() => split(global("collections", "OrderedDict"))).toThrow(
      "pickle: a pickle asks for collections.OrderedDict: refused; ask the author for the split as JSON",
    );
    expect(() => split(global("torch.optim.sgd", "SGD"))).toThrow("asks for torch.optim.sgd.SGD: refused");
    expect(() => split(persistent(1))).toThrow("uses the opcode BINPERSID at byte");
  });

  it.each([
    ["INST", 0x69],
    ["OBJ", 0x6f],
    ["EXT1", 0x82],
    ["STRING", 0x53],
    ["PERSID", 0x50],
    ["POP", 0x30],
    ["DUP", 0x32],
    ["LONG4", 0x8b],
    ["NEWOBJ_EX", 0x92],
    ["BYTEARRAY8", 0x96],
    ["STACK_GLOBAL", op.STACK_GLOBAL],
    ["MEMOIZE", op.MEMOIZE],
    ["FRAME", op.FRAME],
    ["SHORT_BINUNICODE", op.SHORT_BINUNICODE],
  ])("the opcode %s in a checkpoint", (_name, code) => {
    expect(running(op.NONE, code, op.STOP)).toThrow(
      /a pickle uses the opcode \w+ at byte 3, which is not on the list: refused/,
    );
  });

  it("calls of what is no function, objects of what is no class", () => {
    expect(running(op.BINUNICODE, number("u4", 1), "a", op.EMPTY_TUPLE, op.REDUCE, op.STOP)).toThrow(/calls a string/);
    expect(running(op.GLOBAL, "torch\nFloatStorage\n", op.EMPTY_TUPLE, op.REDUCE, op.STOP)).toThrow(
      /calls torch\.FloatStorage/,
    );
    expect(running(op.GLOBAL, "torch._utils\n_rebuild_tensor_v2\n", op.EMPTY_TUPLE, op.NEWOBJ)).toThrow(
      /makes an object of torch\._utils\._rebuild_tensor_v2/,
    );
    expect(running(op.GLOBAL, "collections\nOrderedDict\n", op.EMPTY_LIST, op.REDUCE)).toThrow(
      /calls collections\.OrderedDict with a list/,
    );
    expect(running(op.EMPTY_LIST, op.EMPTY_DICT, op.BUILD, op.STOP)).toThrow(/sets the state of a list/);
    expect(running(op.GLOBAL, "torch._utils\n_rebuild_tensor_v2\n", op.BININT1, 1, op.TUPLE1, op.REDUCE)).toThrow(
      /makes a tensor of a number, a storage was expected/,
    );
    expect(running(op.GLOBAL, "torch._utils\n_rebuild_parameter\n", op.NONE, op.TUPLE1, op.REDUCE)).toThrow(
      /makes a parameter of None/,
    );
    expect(running(op.NONE, op.BINPERSID)).toThrow(/asks for something outside of it/);
  });

  it("changes of a tuple, which is the same wherever it occurs", () => {
    expect(running(op.EMPTY_TUPLE, op.NONE, op.APPEND, op.STOP)).toThrow(/appends to a tuple/);
    expect(running(op.EMPTY_DICT, op.MARK, op.NONE, op.APPENDS, op.STOP)).toThrow(/appends to a dict/);
    expect(running(op.EMPTY_LIST, op.NONE, op.NONE, op.SETITEM, op.STOP)).toThrow(/sets an item of a list/);
  });

  it("steps that cannot be: nothing on the stack, no mark, an empty slot, odd items, a cut", () => {
    expect(running(op.STOP)).toThrow(/damaged or cut short: it takes a value that is not there/);
    expect(running(op.BINPUT, 0, op.STOP)).toThrow(/it uses a value that is not there/);
    expect(running(op.NONE, op.MARK, op.TUPLE1, op.STOP)).toThrow(/it takes a value that is not there/);
    expect(running(op.TUPLE, op.STOP)).toThrow(/it closes what it did not open/);
    expect(running(op.BINGET, 7, op.STOP)).toThrow(/takes memo slot 7, which is empty/);
    expect(running(op.EMPTY_DICT, op.MARK, op.NONE, op.SETITEMS, op.STOP)).toThrow(/a key without a value/);
    expect(running(op.NONE)).toThrow(/1 bytes are claimed at byte 3, 0 are left; get the file again/);
    expect(running(op.GLOBAL, "torch")).toThrow(/a name at byte 3 does not end/);
    expect(running(op.BINUNICODE, number("u4", 1), 0xff, op.STOP)).toThrow(/text at byte 7 is not UTF-8/);
    expect(() => unpickle(new Uint8Array(0), { dialect: "split" })).toThrow(
      "pickle: the pickle is damaged or cut short",
    );
    expect(() => unpickle(assemble(op.PROTO, 6), { dialect: "split" })).toThrow("is of a protocol above 5");
  });

  it("lengths that the pickle does not back, before memory is taken for them", () => {
    expect(running(op.BINUNICODE, number("u4", 2 ** 32 - 1), op.STOP)).toThrow(
      /4294967295 bytes are claimed at byte 7, 1 are left/,
    );
    expect(running(op.LONG1, 200, 1, op.STOP)).toThrow(/200 bytes are claimed/);
    expect(() => unpickle(assemble(op.FRAME, number("u8", 2 ** 40), op.NONE, op.STOP), { dialect: "split" })).toThrow(
      "a frame of 1099511627776 bytes at byte 9, 2 are left",
    );
    expect(() => unpickle(assemble(op.BINBYTES, number("u4", 99), op.STOP), { dialect: "split" })).toThrow(
      "99 bytes are claimed",
    );
  });
});

describe("bounds", () => {
  const bounded = (limits: Record<string, number>, value: Writable): Pickled =>
    unpickle(writePickle(value), { dialect: "torch", ...limits }).value;

  it("holds a pickle to its bounds of size, opcodes, stack, memo and depth", () => {
    const list = Array.from({ length: 50 }, (_, index) => `item ${index}`);
    expect(() => bounded({ pickleBytes: 100 }, list)).toThrow(/has \d+ bytes, at most 100 are read: refused/);
    expect(() => bounded({ opcodes: 20 }, list)).toThrow("has more than 20 opcodes: refused");
    expect(() => bounded({ stack: 20 }, list)).toThrow("keeps more than 20 values waiting: refused");
    expect(() => bounded({ memo: 20 }, list)).toThrow(
      /uses memo slot 20, more than a pickle of \d+ bytes can fill: refused/,
    );
    expect(() => bounded({ memory: 500 }, list)).toThrow(
      /the values of the pickle would take \d+ bytes of memory, at most 500/,
    );
    expect(() => bounded({ depth: 5 }, [[[[[[1]]]]]])).toThrow("nests more than 5 deep: refused");
    expect(bounded({ depth: 5 }, [[[[1]]]])).toEqual([[[[1]]]]);
    expect(() => run(op.NONE, op.LONG_BINPUT, number("u4", 2_000_000_000), op.STOP)).toThrow(
      "uses memo slot 2000000000",
    );
  });

  it("keeps its bounds where one is undefined, and takes none that is no number", () => {
    const unset = { opcodes: undefined } as unknown as Record<string, number>;
    expect(bounded(unset, [1])).toEqual([1]);
    const nested = Array.from({ length: 1500 }).reduce<Writable>((inner) => [inner], []);
    expect(() => bounded({ depth: undefined } as unknown as Record<string, number>, nested)).toThrow("nests more than");
    expect(() => bounded({ opcodes: Number.NaN }, [1])).toThrow(
      "the limit opcodes is NaN; a number of 0 or more was expected",
    );
  });

  it("refuses nesting built by any way, without recursion of its own", () => {
    const deep = 5000;
    const lists = new Uint8Array(2 * deep);
    lists.fill(op.EMPTY_LIST, 0, deep).fill(op.APPEND, deep);
    expect(() => run(lists.subarray(0, -1), op.STOP)).toThrow("nests more than 1000 deep");
    expect(() => run(new Uint8Array(deep).fill(op.MARK), op.STOP)).toThrow("nests more than 1000 deep");
    expect(() => run(op.NONE, new Uint8Array(deep).fill(op.TUPLE1), op.STOP)).toThrow("nests more than 1000 deep");
    // From the outside inwards, each list is put into the one before it while still empty.
    const inwards = Array.from({ length: deep }, () => assemble(op.EMPTY_LIST, op.BINPUT, 1, op.APPEND, op.BINGET, 1));
    expect(() => run(op.EMPTY_LIST, op.BINPUT, 0, ...inwards, op.BINGET, 0, op.STOP)).toThrow(
      "nests more than 1000 deep",
    );
  });

  it("refuses a value that unfolds without end, in work linear in the pickle", () => {
    let laughs: Writable = ["ha"];
    for (let i = 0; i < 60; i++) laughs = [laughs, laughs];
    expect(() => read(laughs)).toThrow(
      "unfolds to more than 1000000 parts out of few, by sharing them again and again: refused",
    );
    let some: Writable = ["ha"];
    for (let i = 0; i < 10; i++) some = [some, some];
    expect(read(some)).toHaveLength(2);
  });

  it("reads a value that holds itself", () => {
    const value = run(op.EMPTY_LIST, op.BINPUT, 0, op.BINGET, 0, op.APPEND, op.STOP) as Pickled[];
    expect(value[0]).toBe(value);
  });

  it("holds what values take against the pickle's size: one byte makes a dict of two hundred", () => {
    const dicts = (count: number): Uint8Array =>
      assemble(op.EMPTY_LIST, ...Array.from({ length: count }, () => assemble(op.EMPTY_DICT, op.APPEND)), op.STOP);
    expect(unpickle(dicts(1000), { dialect: "torch" }).value).toHaveLength(1000);
    expect(() => unpickle(dicts(100_000), { dialect: "torch" })).toThrow("the values of the pickle would take");
  });

  it("ends on any bytes with a value or one line that names the pickle", () => {
    const codes = fc.constantFrom(...Object.values(op));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.oneof(codes, fc.nat(255)), { maxLength: 200 }).map((list) => Uint8Array.from(list)),
      fc.tuple(values, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 })).map(([value, changes]) => {
        const fair = writePickle(value);
        for (const [at, byte] of changes) fair[at % fair.length] = byte;
        return fair;
      }),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom("torch" as const, "split" as const), (input, dialect) => {
        try {
          const { opcodes } = unpickle(input, { dialect, name: "fuzzed" });
          expect(opcodes).toBeLessThanOrEqual(input.length);
        } catch (error) {
          expect((error as Error).message).toMatch(/^fuzzed: .+$/);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("reads raw opcodes of floats and newer protocols", () => {
    expect(read([float(1), raw(op.NEWTRUE)])).toEqual([1, true]);
  });
});
