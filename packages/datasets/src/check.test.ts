import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeFolder, onePixel, removeFolders } from "../fixtures/folders.js";
import { checkFolder, type CheckOptions } from "./check.js";
import { compareSet } from "./check/expectations.js";
import { createFindings } from "./check/report.js";

afterAll(removeFolders);

/** One line a problem: severity, set, message, count, examples. */
async function problems(root: string, options?: CheckOptions): Promise<string[]> {
  const report = await checkFolder(root, options);
  expect(report.met).toBe(!report.problems.some(({ severity }) => severity === "error"));
  for (const { message } of report.problems) expect(message).not.toContain("\n");
  return report.problems.map(
    ({ severity, set, message, count, examples }) =>
      `${severity} ${set ?? "-"}: ${message}${examples.length > 0 ? ` [${count}: ${examples.join(", ")}]` : ""}`,
  );
}

/** Different pictures: a PNG may be followed by anything. */
const picture = (path: string): readonly [string, string] => [path, `${onePixel.toString("latin1")}${path}`];
async function makePictures(...paths: readonly string[]): Promise<string> {
  const root = await makeFolder();
  for (const path of paths) {
    await mkdir(join(root, path, path.endsWith("/") ? "" : ".."), { recursive: true });
    if (!path.endsWith("/")) await writeFile(join(root, path), Buffer.from(picture(path)[1], "latin1"));
  }
  return root;
}

describe("class folders", () => {
  it("are met by pictures in two folders, and nothing is changed", async () => {
    const root = await makePictures("cat/1.png", "cat/2.png", "dog/deep/3.png", ".hidden/x.png");
    const before = await readdir(root, { recursive: true });
    const times = (await stat(join(root, "cat"))).mtimeMs;
    const { met, benchmarks, sets, problems: none } = await checkFolder(root, { shots: 1 });
    expect(none).toEqual([]);
    expect({ met, benchmarks }).toEqual({ met: true, benchmarks: ["folders"] });
    expect(sets).toEqual([
      {
        name: expect.any(String) as string,
        root,
        pictures: 3,
        classes: 2,
        smallest: 1,
        largest: 2,
        bytes: expect.any(Number) as number,
        expected: {},
      },
    ]);
    expect(await readdir(root, { recursive: true })).toEqual(before);
    expect((await stat(join(root, "cat"))).mtimeMs).toBe(times);
  });

  it("say what is missing: empty folders, few pictures, loose pictures, files that cannot be read", async () => {
    const root = await makePictures("cat/1.png", "cat/2.png", "dog/1.png", "empty/", "loose.png");
    await writeFile(join(root, "cat/empty.jpg"), "");
    await writeFile(join(root, "cat/page.jpg"), "<!DOCTYPE html><title>404</title>");
    await writeFile(join(root, "cat/lfs.jpg"), "version https://git-lfs.github.com/spec/v1\n");
    await writeFile(join(root, "cat/zero.jpg"), Buffer.alloc(999));
    await writeFile(join(root, "cat/text.jpg"), "no picture");
    await writeFile(join(root, "dog/cut.png"), onePixel.subarray(0, 40));
    await symlink(join(root, "nowhere"), join(root, "dog/link.png"));
    expect((await problems(root, { shots: 4 })).map((line) => line.replace(/ datasets-test-\w+:/, ":"))).toEqual([
      "error: class folders have no pictures: add some or remove the folder [1: empty]",
      "error: class folders have fewer than the 4 pictures wanted [1: dog (3)]",
      expect.stringMatching(/^error: unreadable: the file is empty.*\[1: cat\/empty.jpg\]$/),
      expect.stringMatching(/^error: unreadable: a pointer of Git LFS.*\[1: cat\/lfs.jpg\]$/),
      expect.stringMatching(/^error: unreadable: a page of a web site.*\[1: cat\/page.jpg\]$/),
      expect.stringMatching(/^error: unreadable: no picture by its first bytes.*\[1: cat\/text.jpg\]$/),
      expect.stringMatching(/^error: unreadable: nothing but zeros.*\[1: cat\/zero.jpg\]$/),
      "error: unreadable: a link to nothing [1: dog/link.png]",
      expect.stringMatching(/^warning: pictures lie in no class folder.*\[1: loose.png\]$/),
      "warning: pictures may be cut short (no mark at their end): decode them to know [1: dog/cut.png]",
    ]);
  });

  it("are decoded where asked, in lists", async () => {
    const root = await makePictures(...Array.from({ length: 70 }, (_, n) => `cat/${n}.png`), "dog/1.png");
    await writeFile(join(root, "dog/empty.png"), "");
    const lists: number[] = [];
    const decode = async (paths: readonly string[]) => {
      lists.push(paths.length);
      return paths.map((path) => (path.endsWith("7.png") ? "damaged" : undefined));
    };
    const stages = new Set<string>();
    const lines = await problems(root, { decode, onProgress: (stage) => stages.add(stage) });
    expect(lists).toEqual([64, 7]);
    expect(lines).toContainEqual(
      expect.stringMatching(/^error .*: unreadable: damaged \[7: cat\/17.png, cat\/27.png, /),
    );
    expect(stages).toEqual(new Set(["list", "look", "decode"]));
  });

  it("name equal pictures, in one class, in two, and in a set of others", async () => {
    const root = await makePictures("in/cat/1.png", "in/cat/2.png", "in/dog/1.png", "out/9.png");
    const copy = async (from: string, to: string) => writeFile(join(root, to), await readFile(join(root, from)));
    await copy("in/cat/1.png", "in/cat/copy.png");
    await copy("in/cat/2.png", "in/dog/copy.png");
    await copy("in/dog/1.png", "out/copy.png");
    // As long as another and equal at both ends, but not the same.
    const long = Buffer.concat([onePixel, Buffer.alloc(2000)]);
    await writeFile(join(root, "in/cat/long.png"), long);
    long[900] = 1;
    await writeFile(join(root, "in/dog/long.png"), long);
    const options = { ood: [{ name: "mine", dir: join(root, "out") }], decode: async () => [] };
    const lines = await problems(join(root, "in"), options);
    expect(lines.sort()).toEqual([
      `warning -: the same pictures lie in in and mine [1: dog/1.png = ${join(root, "out/copy.png")}]`,
      "warning in: the same pictures come several times [1: cat/1.png = cat/copy.png]",
      "warning in: the same pictures lie in several classes [1: cat/2.png = dog/copy.png]",
    ]);
  });

  it("are safe from links that lead back, and say what a desktop or an archive left", async () => {
    const root = await makePictures("cat/1.png", "dog/2.png", "cat/._1.png", "cat/.DS_Store", "cat/Thumbs.db");
    await symlink(root, join(root, "dog/up"));
    await symlink(join(root, "dog"), join(root, "cat/side"));
    for (const name of ["more.zip", "x.bmp", "x.mp4", "notes.txt"]) await writeFile(join(root, "dog", name), "x");
    const lines = await problems(root);
    expect(lines).toEqual([
      expect.stringMatching(/^warning .*: links lead back to a folder above: they are not followed \[\d+: /),
      expect.stringMatching(/^warning .*: .bmp files are not taken for pictures/),
      expect.stringMatching(/^warning .*: the same pictures lie in several classes \[1: .*2.png/),
      expect.stringMatching(/^hint .*: archives are not unpacked: unpack them \[/),
      expect.stringMatching(
        /^hint .*: files left by a desktop .*\[3: cat\/\.DS_Store, cat\/\._1.png, cat\/Thumbs.db\]/,
      ),
      expect.stringMatching(/^hint .*: files ending in .mp4 are not taken for pictures/),
    ]);
  });

  it("hint at a folder too many, at parts of a data set and at names that clash", async () => {
    const nested = await makePictures("images/cat/1.png", "images/dog/2.png");
    expect(await problems(nested)).toEqual([
      expect.stringMatching(/^error .*: expected at least two class folders, found the folder images alone/),
      expect.stringMatching(/^hint .*: the class folders seem to lie one level deeper.*\[1: images\]$/),
    ]);
    const parts = await makePictures("train/cat/1.png", "val/cat/2.png");
    expect(await problems(parts)).toEqual([
      expect.stringMatching(
        /^hint .*: these are parts of a data set, not classes: name one of them \[2: train, val\]$/,
      ),
    ]);
    const clash = await makePictures("sea_lion/1.png", "Sea lion/2.png");
    expect(await problems(clash)).toEqual([expect.stringMatching(/^warning .*: 2 classes are named "sea lion"/)]);
    await expect(checkFolder(join(clash, "no"))).rejects.toThrow("found nothing: check the path");
  });
});

describe("ImageNet and the four sets", () => {
  const names = "n01440764 tench\nn01443537 goldfish\nn02012849 crane\nn03126707 crane\n";

  it("are compared with the benchmark", async () => {
    const val = "imagenet/images/val";
    const root = await makePictures(
      `${val}/n01440764/ILSVRC2012_val_00000001.png`,
      `${val}/n01443537/ILSVRC2012_val_00000003.png`,
      `${val}/n02012849/ILSVRC2012_val_00000003.png`,
      `${val}/n09999999/ILSVRC2012_val_00000004.png`,
      "imagenet/images/train/n01440764/n01440764_1.png",
      "imagenet/images/train/n01440764/n01443537_1.png",
      "SUN/images/1.png",
      "Texture/images/banded/1.png",
      "places365/1.png",
      "iNaturalist.tar.gz",
    );
    await writeFile(join(root, "imagenet/classnames.txt"), names);
    const report = await checkFolder(root);
    expect(report.benchmarks).toEqual(["imagenet", "ood"]);
    expect(report.sets.map(({ name, pictures, expected }) => [name, pictures, expected.pictures])).toEqual([
      ["imagenet/val", 4, 50_000],
      ["imagenet/train", 2, 1_281_167],
      ["iNaturalist", 0, 10_000],
      ["SUN", 1, 10_000],
      ["Places", 0, 10_000],
      ["Texture", 1, 5640],
    ]);
    const lines = await problems(root);
    for (const line of [
      "error imagenet/val: expected 50,000 pictures, found 4: files are missing: unpack or copy it again",
      "error imagenet/val: expected 1,000 class folders, found 4",
      "error imagenet/val: class folders do not have 50 pictures [4: n01440764 (1), n01443537 (1), n02012849 (1)]",
      "error imagenet/val: validation pictures are there twice, in two folders [1: imagenet/images/val/n02012849/ILSVRC2012_val_00000003.png]",
      "error imagenet/val: validation pictures are missing [49997: ILSVRC2012_val_00000002.JPEG, ILSVRC2012_val_00000005.JPEG, ILSVRC2012_val_00000006.JPEG]",
      "error imagenet/val: class folders are not in the list of class names [1: n09999999]",
      "error imagenet/val: classes of the list have no folder [1: n03126707 (crane)]",
      "error imagenet/train: pictures lie in the folder of another class than their name says [1: imagenet/images/train/n01440764/n01443537_1.png]",
      "error -: expected 1,000 classes in the list of class names, found 4",
      "error iNaturalist: expected its folder, found none",
      "error Places: expected its folder, found none",
      "error SUN: expected 10,000 pictures, found 1: files are missing: unpack or copy it again",
      "warning Texture: expected pictures in 47 folders, one per texture, found 1",
      "hint Places: perhaps another folder is meant: it must be called Places, in this case [1: places365]",
      "hint iNaturalist: its archive is not unpacked [1: iNaturalist.tar.gz]",
    ])
      expect(lines).toContain(line);
    expect(lines.at(-1)).toMatch(/^hint /);
    expect((await checkFolder(root, { benchmarks: ["ood"] })).sets.map(({ name }) => name)).toHaveLength(4);
    expect((await checkFolder(root, { benchmarks: ["imagenet"] })).sets.map(({ name }) => name)).toEqual([
      "imagenet/val",
      "imagenet/train",
      "SUN",
      "Texture",
    ]);
  });

  it("say how unsorted validation pictures are sorted, and that training needs its pictures", async () => {
    const root = await makePictures("imagenet/images/val/ILSVRC2012_val_00000001.png");
    const report = await checkFolder(root);
    expect(report.benchmarks).toEqual(["imagenet"]);
    const lines = await problems(root);
    expect(lines).toContainEqual(
      expect.stringMatching(/^error imagenet\/val: pictures lie in no class folder.*valprep\.sh/),
    );
    expect(lines).toContain(
      "warning imagenet/train: expected its folder, found none; training needs it, evaluation does not",
    );
    expect(lines).toContainEqual(expect.stringMatching(/^error -: expected a list of class names at .*found none/));
  });

  it("hint at ImageNet one level too deep, elsewhere, in archives and in another case", async () => {
    const deep = await makePictures("images/val/val/n01440764/1.png", "images/val/val/n01443537/2.png");
    expect(await problems(deep)).toContainEqual(
      expect.stringMatching(
        /^hint imagenet\/val: the class folders seem to lie one level deeper.*\[1: images\/val\/val\]$/,
      ),
    );
    const kaggle = await makePictures(
      "ILSVRC/Data/CLS-LOC/train/n01440764/1.png",
      "ILSVRC/Data/CLS-LOC/train/n01443537/2.png",
    );
    expect(await problems(kaggle, { benchmarks: ["imagenet"] })).toContainEqual(
      expect.stringMatching(/^hint -: class folders of ImageNet lie elsewhere.*\[1: ILSVRC\/Data\/CLS-LOC\/train\]$/),
    );
    const packed = await makePictures("ImageNet/ILSVRC2012_img_val.tar");
    const lines = await problems(packed, { benchmarks: ["imagenet"] });
    expect(lines).toContain("hint -: archives of ImageNet are not unpacked [1: ILSVRC2012_img_val.tar]");
    expect(lines).toContainEqual(expect.stringMatching(/^hint -: folders are named in another case.*\[1: ImageNet\]$/));
    const tars = await makePictures(
      "images/train/n01440764.tar",
      "images/train/n01443537.tar",
      "images/train/n01440764/1.png",
    );
    expect(await problems(tars)).toContainEqual(
      expect.stringMatching(
        /^hint imagenet\/train: archives are not unpacked: unpack each of them into a folder of its name \[2: /,
      ),
    );
  });

  it("know a whole SUN397 by its count", () => {
    const findings = createFindings("/data");
    const pictures = Array.from({ length: 108_754 }, (_, n) => ({ path: `/data/SUN/${n}.jpg`, top: "" }));
    const none = { folders: [], inner: new Map(), litter: [], archives: [], others: new Map(), loops: [], broken: [] };
    const set = { name: "SUN", kind: "ood", needed: true, pictures: 10_000 } as const;
    compareSet(set, { pictures, ...none }, { findings });
    expect(findings.problems.map(({ message }) => message)).toEqual([
      "expected 10,000 pictures, found 108,754: all of SUN397 has 108,754; the benchmark is the subset curated by Huang and Li (MOS), take their archive",
    ]);
  });

  it("are taken from where the user says, by their names", async () => {
    const root = await makePictures("cat/1.png", "dog/2.png", "sun/1.png");
    const options = { benchmarks: ["ood"], ood: [{ name: "SUN", dir: join(root, "sun") }] } as const;
    const { sets } = await checkFolder(root, options);
    expect(sets.find(({ name }) => name === "SUN")).toMatchObject({ pictures: 1, expected: { pictures: 10_000 } });
    expect(sets).toHaveLength(4);
    const taken = checkFolder(root, { benchmarks: ["imagenet"], ood: [{ name: "imagenet/val", dir: root }] });
    await expect(taken).rejects.toThrow('got "imagenet/val", which is taken');
  });
});
