import { describe, expect, it } from "vitest";
import { object, raw, type Writable } from "./pickle.test.kit.js";
import { stateDictOf } from "./state-dict.js";
import { dict, floatStorage, openWritten as open, tensor } from "./torch-archive.test.kit.js";
import type { TorchArchive } from "./torch-archive.js";

describe("state dicts", () => {
  const storage = floatStorage("0", [1, 2]);
  const small = tensor(storage, { shape: [2], strides: [1] });
  const names = async (value: Writable): Promise<string[]> => [
    ...stateDictOf(await open(value, { storages: [storage] })).keys(),
  ];

  it("takes a plain dict, one under state_dict, and drops module. where every name has it", async () => {
    expect(await names(dict({ "a.weight": small, epoch: 3 }))).toEqual(["a.weight"]);
    expect(await names(dict({ state_dict: dict({ a: small }), epoch: 3 }))).toEqual(["a"]);
    expect(await names(dict({ "module.a": small, "module.b": small }))).toEqual(["a", "b"]);
    expect(await names(dict({ "module.a": small, b: small }))).toEqual(["module.a", "b"]);
  });

  it("gives the dotted names of a tree of modules", async () => {
    const module = (state: Record<string, Writable>): Writable => object("__torch__.m", "M", dict(state));
    const value = module({
      a: small,
      training: false,
      blocks: module({ "0": module({ weight: small }), "1": module({ weight: small }) }),
      none: null,
      b: small,
    });
    expect(await names(value)).toEqual(["a", "b", "blocks.0.weight", "blocks.1.weight"]);
  });

  it("refuses thousands of names for one tensor", async () => {
    const large = floatStorage(
      "0",
      Array.from({ length: 10_000 }, () => 1),
    );
    const many = (view: { shape: number[]; strides: number[] }): Promise<TorchArchive> => {
      const shared = tensor(large, view);
      const entries = Array.from({ length: 2000 }, (_, index): [string, Writable] => [`t${index}`, shared]);
      return open(new Map(entries), { storages: [large] });
    };
    const message =
      /^a\.pth: its 2000 names stand for more than \d+ bytes of tensors, the most for a file of this size: refused/;
    const whole = await many({ shape: [10_000], strides: [1] });
    expect(() => stateDictOf(whole)).toThrow(message);
    const wide = await many({ shape: [2], strides: [9_999] });
    expect(() => stateDictOf(wide)).toThrow(message);
    expect(stateDictOf(await many({ shape: [2], strides: [1] })).size).toBe(2000);
  });

  it("refuses what holds no tensors, and modules that hold each other", async () => {
    await expect(names(dict({ epoch: 3 }))).rejects.toThrow(
      "a.pth: holds no tensors; a state dict was expected: is it the right file?",
    );
    await expect(names(null)).rejects.toThrow(
      'a.pth: holds None; a state dict, or a dict with one under "state_dict", was expected',
    );
    await expect(names(object("torch.optim.sgd", "SGD", dict({})))).rejects.toThrow(
      "holds an object of torch.optim.sgd.SGD",
    );
    // A module whose state holds it twice.
    const newObject = Uint8Array.of(0x81);
    const loop = raw("c__torch__\nM\nq\0)", newObject, "q\u0001}(X\u0001\0\0\0ah\u0001X\u0001\0\0\0bh\u0001ub");
    await expect(names(loop)).rejects.toThrow("a.pth: its modules hold each other without end: refused");
    // Modules inside each other under a long key, which would be written out in every name.
    let nested = object("__torch__", "M", dict({ a: small }));
    for (let i = 0; i < 400; i++) nested = object("__torch__", "M", dict({ ["k".repeat(1000)]: nested, a: small }));
    await expect(names(nested)).rejects.toThrow("a.pth: its modules hold each other without end: refused");
  });
});
