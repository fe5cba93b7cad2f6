import { join, relative } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeFolder, removeFolders } from "../fixtures/folders.js";
import { detectLayout, imageNet } from "./imagenet.js";

afterAll(removeFolders);
const names = "n01440764 tench\nn02012849 crane\r\n\nn03126707 crane\nn01443537  great white shark \n";
const pictures = ["n03126707", "n01440764", "n02012849", "n01443537"].flatMap((wnid) => [
  `images/val/${wnid}/ILSVRC2012_val_2.JPEG`,
  `images/val/${wnid}/ILSVRC2012_val_1.JPEG`,
]);

describe("imageNet", () => {
  it("labels sorted folders and names them by the list", async () => {
    const root = await makeFolder(["classnames.txt", names], ...pictures);
    const dataset = await imageNet(root, { split: "val" });
    expect(dataset.root).toBe(join(root, "images", "val"));
    expect(dataset.folders).toEqual(["n01440764", "n01443537", "n02012849", "n03126707"]);
    expect(dataset.classNames).toEqual(["tench", "great white shark", "crane", "crane"]);
    expect(dataset.items.slice(0, 3).map(({ path, label }) => [relative(dataset.root, path), label])).toEqual([
      [join("n01440764", "ILSVRC2012_val_1.JPEG"), 0],
      [join("n01440764", "ILSVRC2012_val_2.JPEG"), 0],
      [join("n01443537", "ILSVRC2012_val_1.JPEG"), 1],
    ]);
    expect(dataset.warnings).toEqual([
      expect.stringContaining('2 classes are named "crane" (folders n02012849, n03126707)'),
    ]);
  });

  it("finds LoCoOp's data folder, plain folders, and a list file elsewhere", async () => {
    const data = await makeFolder(["imagenet/classnames.txt", names], ...pictures.map((path) => `imagenet/${path}`));
    expect((await imageNet(data, { split: "val" })).items).toHaveLength(8);
    const plain = await makeFolder(
      ["list.txt", `\uFEFF${names}`],
      ...pictures.map((path) => path.replace("images/", "")),
    );
    expect((await imageNet(plain, { split: "val", classNames: join(plain, "list.txt") })).classNames[0]).toBe("tench");
  });

  it("says what is missing", async () => {
    const root = await makeFolder(
      ["classnames.txt", "n01440764 tench\n"],
      ["alone.txt", "n01440764\n"],
      ["twice.txt", "n1 a\nn1 b\n"],
      ...pictures,
    );
    await expect(imageNet(root, { split: "train" })).rejects.toThrow("expected ImageNet's train folders in");
    await expect(imageNet(root, { split: "val" })).rejects.toThrow("found none for n01443537, n02012849, n03126707");
    const list = (name: string) => imageNet(root, { split: "val", classNames: join(root, name) });
    await expect(list("no.txt")).rejects.toThrow("ENOENT");
    await expect(list("alone.txt")).rejects.toThrow('found "n01440764" alone');
    await expect(list("twice.txt")).rejects.toThrow("found n1 again in line 2");
    const unnamed = await makeFolder(...pictures);
    await expect(imageNet(unnamed, { split: "val" })).rejects.toThrow("expected a list of class names at");
  });

  it("warns of listed classes that have no folder", async () => {
    const root = await makeFolder(["classnames.txt", names], "images/train/n01443537/1.JPEG");
    const { classNames, warnings } = await imageNet(root, { split: "train" });
    expect(classNames).toEqual(["great white shark"]);
    expect(warnings[0]).toContain("3 of the 4 listed classes have no folder");
  });
});

describe("detectLayout", () => {
  it("tells ImageNet from class folders", async () => {
    expect(await detectLayout(await makeFolder("images/val/n1/1.jpg"))).toBe("imagenet");
    expect(await detectLayout(await makeFolder("imagenet/images/train/n1/1.jpg"))).toBe("imagenet");
    expect(await detectLayout(await makeFolder("val/n1/1.jpg", ["classnames.txt", names]))).toBe("imagenet");
    expect(await detectLayout(await makeFolder("train/1.jpg", "tram/1.jpg"))).toBe("image-folder");
    expect(await detectLayout(await makeFolder("images/train/1.jpg", "dogs/1.jpg"))).toBe("image-folder");
    await expect(detectLayout("/no/such/folder")).rejects.toThrow("expected a folder at");
  });
});
