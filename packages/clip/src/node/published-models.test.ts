import { describe, expect, it } from "vitest";
import { findPublishedModel, publishedModels } from "./published-models.js";

describe("published models", () => {
  it("are OpenAI's nine, each with an address that holds its SHA-256", () => {
    expect(publishedModels.map(({ name }) => name)).toEqual([
      "RN50",
      "RN101",
      "RN50x4",
      "RN50x16",
      "RN50x64",
      "ViT-B/32",
      "ViT-B/16",
      "ViT-L/14",
      "ViT-L/14@336px",
    ]);
    for (const { url, sha256, file } of publishedModels) {
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(url).toBe(`https://openaipublic.azureedge.net/clip/models/${sha256}/${file}`);
    }
    expect(findPublishedModel("ViT-L/14@336px")?.file).toBe("ViT-L-14-336px.pt");
  });

  it.each([
    ["ViT-B/16", "ViT-B/16"],
    ["vit-b-16", "ViT-B/16"],
    ["ViT_B_16", "ViT-B/16"],
    ["ViT-L-14-336px", "ViT-L/14@336px"],
    ["ViT-L-14-336", "ViT-L/14@336px"],
    ["rn50X4", "RN50x4"],
  ])("%s is %s", (asked, name) => {
    expect(findPublishedModel(asked)?.name).toBe(name);
  });

  it.each(["ViT-B", "ViT-B/17", "RN5", "RN50x", "", "__proto__"])('"%s" is none', (asked) => {
    expect(findPublishedModel(asked)).toBeUndefined();
  });
});
