import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeFolder, removeFolders } from "../fixtures/folders.js";
import { expectedCounts, oodBenchmarks, pictureSets } from "./ood-benchmarks.js";

afterAll(removeFolders);

describe("oodBenchmarks", () => {
  it("finds the sets that are there, in the paper's order", async () => {
    const root = await makeFolder(
      "Texture/images/banded/1.jpg",
      "Texture/labels/1.png",
      "SUN/images/1.jpg",
      "SUN/images/2.jpg",
      "iNaturalist/1.jpg",
    );
    const sets = await oodBenchmarks(root);
    expect(sets.map(({ name, items }) => [name, items.length])).toEqual([
      ["iNaturalist", 1],
      ["SUN", 2],
      ["Texture", 1],
    ]);
    expect(sets[2]?.root).toBe(join(root, "Texture", "images"));
    expect(sets[2]?.items[0]?.label).toBe(-1);
  });

  it("takes DTD as its archive unpacks, and nothing for nothing", async () => {
    expect((await oodBenchmarks(await makeFolder("dtd/images/banded/1.jpg"))).map(({ name }) => name)).toEqual([
      "Texture",
    ]);
    expect(await oodBenchmarks(await makeFolder())).toEqual([]);
  });

  it("refuses a set without pictures, and no folder", async () => {
    await expect(oodBenchmarks(await makeFolder("Places/"))).rejects.toThrow("found none");
    await expect(oodBenchmarks("/no/such/folder")).rejects.toThrow("found nothing");
  });

  it("states the sizes of the paper's benchmark", () => {
    expect(expectedCounts).toEqual({
      "imagenet/val": 50000,
      iNaturalist: 10000,
      SUN: 10000,
      Places: 10000,
      Texture: 5640,
    });
  });
});

describe("pictureSets", () => {
  it("takes every folder as a set", async () => {
    const root = await makeFolder("vehicles/bus/1.png", "plants/1.png", "plants/2.png");
    expect((await pictureSets(root)).map(({ name, items }) => [name, items.length])).toEqual([
      ["plants", 2],
      ["vehicles", 1],
    ]);
    await expect(pictureSets(await makeFolder("1.png"))).rejects.toThrow("expected one folder per set");
  });
});
