import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeFolder, removeFolders } from "../fixtures/folders.js";
import { DatasetError } from "./errors.js";
import { readSplit, writeSplit } from "./split.js";

afterAll(removeFolders);
const pictures = ["cat/1.png", "cat/2.png", "dog/ä b.png"];

describe("splits", () => {
  it("are read as written, below another root too", async () => {
    const root = await makeFolder(...pictures);
    const item = (index: number, label: number) => ({ path: join(root, pictures[index] ?? ""), label });
    const path = join(root, "new/folder/split.json");
    const draft = {
      root,
      classNames: ["cat", "dog"],
      train: [item(0, 0), item(2, 1)],
      calibration: [item(1, 0)],
      shots: 1,
      seed: 3,
    };
    await writeSplit(path, draft);
    expect(await readSplit(path, { root })).toEqual({ version: 1, val: [], ...draft });
    expect(await readdir(join(root, "new/folder"))).toEqual(["split.json"]);
    const text = await readFile(path, "utf8");
    expect(text).not.toContain(root);
    expect(text).toContain('    {"path":"dog/ä b.png","label":1}\n');

    const moved = await makeFolder(...pictures);
    expect((await readSplit(path, { root: moved })).train[0]?.path).toBe(join(moved, "cat/1.png"));
  });

  it("list missing pictures", async () => {
    const root = await makeFolder(...pictures);
    const path = join(root, "split.json");
    await writeSplit(path, {
      root,
      classNames: ["cat"],
      train: ["1", "8", "9"].map((n) => ({ path: join(root, `cat/${n}.png`), label: 0 })),
    });
    await expect(readSplit(path, { root })).rejects.toThrow(
      `found 2 missing (${join("cat", "8.png")}, ${join("cat", "9.png")}): check the root or restore them`,
    );
    expect((await readSplit(path, { root, checkFiles: false })).train).toHaveLength(3);
  });

  const stored = (over: object) => JSON.stringify({ version: 1, classNames: ["cat"], train: [], ...over });
  const refused: Array<[what: string, text: string, message: string]> = [
    ["not JSON", "{", "expected JSON in"],
    ["no object", "[]", "expected a split (a JSON object)"],
    ["another version", stored({ version: 2 }), "expected a split of version 1"],
    ["no version", stored({ version: undefined }), "got undefined"],
    ["no names", stored({ classNames: "cat" }), '"classNames"'],
    ["no list", stored({ train: undefined }), '"train" to be a list'],
    ["no label", stored({ train: [{ path: "cat/1.png" }] }), "expected a label from 0 to 0, got undefined"],
    [
      "a label without class",
      stored({ val: [{ path: "cat/1.png", label: 1 }] }),
      "expected a label from 0 to 0, got 1",
    ],
    ["no picture", stored({ train: [null] }), "got undefined"],
    ...["../1.png", "cat/../../1.png", "/etc/passwd", "C:/1.png", "..\\1.png", "cat//1.png", "./1.png", "", "a\0b"].map(
      (path): [string, string, string] => [
        `the path ${JSON.stringify(path)}`,
        stored({ train: [{ path, label: 0 }] }),
        "such a path is refused",
      ],
    ),
  ];
  it.each(refused)("refuse %s", async (_, text, message) => {
    const root = await makeFolder(["split.json", text]);
    const error: unknown = await readSplit(join(root, "split.json"), { root }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DatasetError);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain("\n");
  });

  it("refuse to be written outside the root, without a class or over a folder, and leave nothing half-written", async () => {
    const root = await makeFolder("taken/");
    const draft = { root, classNames: ["cat"], train: [{ path: join(root, "cat/1.png"), label: 0 }] };
    const path = join(root, "split.json");
    await expect(writeSplit(path, { ...draft, root: join(root, "dog") })).rejects.toThrow(
      "expected every picture below",
    );
    await expect(writeSplit(path, { ...draft, classNames: [] })).rejects.toThrow("expected a label");
    await expect(writeSplit(join(root, "taken"), draft)).rejects.toThrow("choose a place that can be written");
    expect(await readdir(root)).toEqual(["taken"]);
    await writeFile(path, "old");
    await writeSplit(path, draft);
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ version: 1 });
  });
});
