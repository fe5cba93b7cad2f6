import { mkdir, symlink } from "node:fs/promises";
import { join, sep } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeFolder, removeFolders } from "../fixtures/folders.js";
import { type DasslSplitOptions, fromDasslSplit } from "./dassl-split.js";
import { DatasetError } from "./errors.js";

afterAll(removeFolders);

/** What an unpickler that runs nothing makes of a Datum. */
const datum = (impath: unknown, label: unknown, classname: unknown) => ({
  kind: "object",
  global: "dassl.data.datasets.base_dataset.Datum",
  args: [],
  state: new Map<unknown, unknown>([
    ["_impath", impath],
    ["_label", label],
    ["_domain", 0],
    ["_classname", classname],
  ]),
});
const author = "/home/author/data/imagenet/images/train";
const fish = datum(`${author}/n01440764/a.JPEG`, 0, "tench");
const bird = datum(`${author}/n01514668/b.JPEG`, 1, "rooster");
const pictures = ["imagenet/images/train/n01440764/a.JPEG", "imagenet/images/train/n01514668/b.JPEG"];
const paths = (root: string, items: readonly { path: string }[]) =>
  items.map(({ path }) => path.slice(root.length + 1).replaceAll(sep, "/"));

const ring: unknown[] = [];
ring.push(ring);

describe("a split of Dassl", () => {
  it.each(["", "imagenet", "imagenet/images/train"])(
    "is mapped below the folder %j by the longest end of its paths",
    async (below) => {
      const root = join(await makeFolder(...pictures), below);
      const { split, notices } = await fromDasslSplit(new Map([["train", [fish, bird]]]), {
        root,
        file: "split_fewshot/shot_1-seed_2.pkl",
      });
      expect(split).toMatchObject({
        version: 1,
        classNames: ["tench", "rooster"],
        shots: 1,
        seed: 2,
        val: [],
        calibration: [],
      });
      expect(split.train.map(({ label }) => label)).toEqual([0, 1]);
      expect(paths(root, split.train)).toEqual(pictures.map((path) => path.slice(below === "" ? 0 : below.length + 1)));
      expect(notices).toEqual([]);
    },
  );

  it("is mapped by a prefix, with or without its pictures", async () => {
    const root = await makeFolder("n01440764/a.JPEG", "train/n01440764/a.JPEG", "images/train/n01440764/a.JPEG");
    const value = new Map([["train", [fish]]]);
    const prefix = "/home/author/data/imagenet/images/";
    expect(paths(root, (await fromDasslSplit(value, { root, prefix })).split.train)).toEqual([
      "train/n01440764/a.JPEG",
    ]);
    const { split } = await fromDasslSplit(value, { root, prefix: "", checkFiles: false });
    expect(paths(root, split.train)).toEqual(["home/author/data/imagenet/images/train/n01440764/a.JPEG"]);
    await expect(fromDasslSplit(value, { root, prefix: "/data" })).rejects.toThrow(
      "to begin with the prefix data, got home/",
    );
    await expect(fromDasslSplit(value, { root })).rejects.toThrow(/found two \(.*images.*and .*\): say which/);
  });

  it("takes one place that two ends of a path lead to", async () => {
    const root = await makeFolder("real/n01440764/a.JPEG");
    await mkdir(join(root, "images"));
    await symlink(join(root, "real"), join(root, "images/train"));
    await symlink(join(root, "real"), join(root, "train"));
    const { split } = await fromDasslSplit([fish], { root });
    expect(paths(root, split.train)).toEqual(["images/train/n01440764/a.JPEG"]);
  });

  it("takes links to pictures for pictures, but not links to nothing", async () => {
    const root = await makeFolder("real.jpg", "cat/3.jpg");
    await symlink(join(root, "real.jpg"), join(root, "cat/1.jpg"));
    await symlink(join(root, "nowhere.jpg"), join(root, "cat/2.jpg"));
    const value = [1, 2, 3].map((n) => [`cat/${n}.jpg`, 0, "cat"]);
    await expect(fromDasslSplit(value, { root })).rejects.toThrow(/found 1 missing \(cat.2\.jpg\)/);
    expect((await fromDasslSplit([value[0], value[2]], { root })).split.train).toHaveLength(2);
  });

  it("reads paths of Windows, of JSON lists and in plain lists", async () => {
    const root = await makeFolder("images/cat/1.jpg", "images/dog/2.jpg", "images/dog/3.jpg");
    const windows = [datum("D:\\data\\images\\cat\\1.jpg", 0, "cat")];
    expect(paths(root, (await fromDasslSplit({ train: windows }, { root })).split.train)).toEqual(["images/cat/1.jpg"]);
    const rows = [
      ["cat/1.jpg", 0, "a cat"],
      ["dog/2.jpg", 1, "a dog"],
    ];
    const value = { train: rows, val: [["dog/3.jpg", 1, "a dog"]], test: [["dog/9.jpg", 1, "a dog"]] };
    const { split, notices } = await fromDasslSplit(value, { root: join(root, "images") });
    expect(split.classNames).toEqual(["a cat", "a dog"]);
    expect(paths(split.root, split.val)).toEqual(["dog/3.jpg"]);
    expect(split).not.toHaveProperty("shots");
    expect(notices).toEqual([expect.stringContaining('"test" (1) is left out')]);
    expect((await fromDasslSplit(rows, { root: join(root, "images") })).split.train).toHaveLength(2);
  });

  it("takes the test pictures of preprocessed.pkl as val, and leaves out a list that is not there", async () => {
    const root = await makeFolder(...pictures, "imagenet/images/val/n01440764/v.JPEG");
    const test = [datum("/home/author/data/imagenet/images/val/n01440764/v.JPEG", 0, "tench")];
    const value = new Map([
      ["train", [fish, bird]],
      ["test", test],
    ]);
    const { split, notices } = await fromDasslSplit(value, { root, file: "preprocessed.pkl" });
    expect(paths(root, split.val)).toEqual(["imagenet/images/val/n01440764/v.JPEG"]);
    expect(notices).toEqual([]);
    const train = await fromDasslSplit(value, { root: join(root, "imagenet/images/train") });
    expect(train.split.val).toEqual([]);
    expect(train.notices).toEqual([expect.stringContaining('"test" (1) is left out: expected the pictures')]);
  });

  it("says what is unusual: repeated pictures, classes with few, pictures in both lists", async () => {
    const root = await makeFolder(...pictures);
    const value = new Map([
      ["train", [fish, fish, bird]],
      ["val", [bird]],
    ]);
    const { split, notices } = await fromDasslSplit(value, { root, file: "/x/shot_2-seed_-1.pkl" });
    expect(split.train).toHaveLength(3);
    expect(split).not.toHaveProperty("seed");
    expect(notices).toEqual([
      "classes with fewer than 2 pictures: rooster (1)",
      '"train" repeats pictures 1 times, as Dassl does in small classes',
      expect.stringMatching(/^pictures both in "train" and in "val": imagenet.*b\.JPEG$/),
    ]);
  });

  const cat = (over: Partial<Record<"impath" | "label" | "classname", unknown>>) => {
    const { impath = "cat/1.jpg", label = 0, classname = "cat" } = over;
    return { train: [datum(impath, label, classname)] };
  };
  const refused: Array<[what: string, value: unknown, message: string | RegExp, options?: Partial<DasslSplitOptions>]> =
    [
      ["nothing", null, 'expected a dictionary with the list "train"'],
      [
        "a dictionary of something else",
        new Map([["state_dict", new Map()]]),
        "got a dictionary with the keys state_dict",
      ],
      ["a list that is none", { train: "cat" }, "got string cat"],
      ["a second list that is none", { ...cat({}), val: 3 }, 'expected "val" to be a list'],
      ["no picture", { train: [] }, 'expected pictures in "train"'],
      ["a string for a Datum", { train: ["cat/1.jpg"] }, '"train" 0 of the split'],
      [
        "an object without the attributes",
        { train: [{ kind: "object", state: new Map([["x", 1]]) }] },
        "with the keys x",
      ],
      ["a short row", { train: [["cat/1.jpg", 0]] }, "got a list of 2"],
      ["a label below zero", cat({ label: -1 }), "expected a label"],
      ["a broken label", cat({ label: 0.5 }), "got number 0.5"],
      ["a bool for a label", cat({ label: true }), "got boolean true"],
      ["a bigint for a label", cat({ label: 2n ** 70n }), "got bigint"],
      ["a label that would ask for a huge list", cat({ label: 2 ** 30 }), "expected a label"],
      ["a label without names before it", cat({ label: 2 }), "found none of 0, 1"],
      ["no name", cat({ classname: "" }), "expected a class name"],
      ["a number for a path", cat({ impath: 7 }), "expected the path of a picture"],
      [
        "a list that holds itself for a path",
        cat({ impath: ring }),
        /expected the path of a picture at .*, got an object$/,
      ],
      ["a huge integer for a path", cat({ impath: 2n ** 70n }), "got a bigint"],
      ["lines and colours for a label", cat({ label: "a\nb\u001b[31m\u202e" }), "got string a?b?[31m?"],
      ["dictionaries for keys", new Map([[new Map(), 1]]), "a dictionary with the keys (object)"],
      ["a path with ..", cat({ impath: "cat/../../secret.jpg" }), "such a path is refused"],
      ["a path with .. of Windows", cat({ impath: "cat\\..\\secret.jpg" }), "such a path is refused"],
      ["a path without end", cat({ impath: "a/".repeat(9000) }), "at most 4096 characters"],
      ["a path with NUL", cat({ impath: "cat/1.jpg\0" }), "such a path is refused"],
      ["a prefix with ..", cat({}), "at the prefix", { prefix: "../x" }],
      [
        "two names of a label",
        { train: [["cat/1.jpg", 0, "cat"]], val: [["dog/1.jpg", 0, "dog"]] },
        'got "cat" and "dog" for label 0',
      ],
      [
        "a picture of two classes",
        {
          train: [
            ["cat/1.jpg", 0, "cat"],
            ["cat/1.jpg", 1, "dog"],
          ],
        },
        /got "cat" and "dog" for cat.1.jpg/,
      ],
      [
        "missing pictures",
        {
          train: [
            ["cat/1.jpg", 0, "cat"],
            ["cat/8.jpg", 0, "cat"],
          ],
        },
        /found 1 missing \(cat.8.jpg\)/,
      ],
      [
        "pictures of another place",
        cat({ impath: "/x/dog/9.jpg" }),
        "found none by any end of their paths (first: x/dog/9.jpg)",
      ],
      ["pictures that lie deeper", cat({ impath: "/x/cat/deep.jpg" }), /they lie below .*sub; name that folder/],
      [
        "more shots than its name says",
        {
          train: [
            ["cat/1.jpg", 0, "cat"],
            ["cat/2.jpg", 0, "cat"],
          ],
        },
        "got more of cat (2)",
        { file: "shot_1-seed_1.pkl" },
      ],
    ];
  it.each(refused)("is refused: %s", async (_, value, message, options) => {
    const root = await makeFolder("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "sub/cat/deep.jpg");
    const error: unknown = await fromDasslSplit(value, { root, ...options }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DatasetError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain("\n");
  });
});
