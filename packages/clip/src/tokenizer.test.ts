import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { merges } from "./merges.js";
import { merges as smallMerges } from "./merges-small.js";
import { createTokenizer } from "./tokenizer.js";
import { readSafetensors } from "./weights/safetensors.js";

interface Row {
  category: string;
  text: string;
  eot?: number;
  ids?: number[];
  needs_ftfy?: boolean;
  tokens?: number;
  truncated_ids?: number[];
}
const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url);
const expected = JSON.parse(readFileSync(fixture("tokenizer.json"), "utf8")) as {
  strings: Row[];
  imagenet: { names: string[]; ids: number[][] };
  decode: [number[], string][];
};
const tokenizer = createTokenizer({ merges });

// Expected ids come from the reference tokenizer and are exact.
describe("createTokenizer", () => {
  it("has OpenAI's vocabulary", () => {
    expect(tokenizer).toMatchObject({ startToken: 49406, endToken: 49407, vocabSize: 49408 });
  });

  const judged = expected.strings.filter((row) => !row.needs_ftfy);
  it.each([...new Set(judged.map((row) => row.category))])("equals the reference on %s", (category) => {
    for (const { text, ids, eot, truncated_ids: truncated, tokens } of judged.filter(
      (row) => row.category === category,
    )) {
      const shown = JSON.stringify(text);
      if (truncated) {
        expect(() => tokenizer.tokenize(text), shown).toThrow(`has ${tokens} tokens`);
        expect([...tokenizer.tokenize(text, { truncate: true })], shown).toEqual(truncated);
      } else {
        const padded = [...tokenizer.tokenize(text)];
        expect(padded.slice(0, ids?.length), shown).toEqual(ids);
        expect(padded.slice(ids?.length).every((id) => id === 0) && padded.length === 77, shown).toBe(true);
        expect(padded.indexOf(tokenizer.endToken), shown).toBe(eot);
        expect(tokenizer.encode(text), shown).toEqual(ids?.slice(1, -1));
      }
    }
  });

  it("equals the reference on the 1000 names of ImageNet", () => {
    const found = expected.imagenet.names.map((name) => [49406, ...tokenizer.encode(name.replaceAll("_", " ")), 49407]);
    expect(found).toEqual(expected.imagenet.ids);
  });

  it("decodes as the reference does", () => {
    for (const [ids, text] of expected.decode) expect(tokenizer.decode(ids.slice(1, -1))).toBe(text);
    expect(() => tokenizer.decode([49408])).toThrow(/49408 is not a token/);
  });

  it("uses the first merges only for a small model", () => {
    const small = createTokenizer({ merges: smallMerges, count: 500 });
    expect(small).toMatchObject({ startToken: 1012, endToken: 1013, vocabSize: 1014 });
    const { texts } = JSON.parse(readFileSync(fixture("vit-tiny/config.json"), "utf8")) as { texts: string[] };
    const ids = readSafetensors(readFileSync(fixture("vit-tiny/inputs.safetensors"))).tensors.get("ids");
    expect(texts.flatMap((text) => [...small.tokenize(text)])).toEqual([...(ids?.data ?? [])]);
  });

  it("keeps its small table equal to the beginning of the whole one", () => {
    expect(merges.split("\n")).toHaveLength(48_894);
    expect(smallMerges).toBe(merges.split("\n").slice(0, 2500).join("\n"));
  });

  it("gives back any plain lower-case text", () => {
    const word = fc.stringMatching(/^[a-zà-öø-ÿ]{1,12}$/);
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (words) => {
        expect(tokenizer.decode(tokenizer.encode(words.join("  ")))).toBe(words.map((piece) => `${piece} `).join(""));
      }),
    );
  });

  it("reads plain ASCII as it reads any text", () => {
    const parts = fc.constantFrom(
      "it's",
      "'LL",
      "<|startoftext|>",
      "<|endoftext|>x",
      "3D",
      "a.b",
      "&amp;",
      "&",
      " ",
      "\t",
    );
    const text = fc.array(fc.oneof(parts, fc.stringMatching(/^[ -~]{1,8}$/))).map((list) => list.join(""));
    const [accent] = tokenizer.encode("é");
    fc.assert(
      fc.property(text, (text) => {
        expect([...tokenizer.encode(text), accent]).toEqual(tokenizer.encode(`${text} é`));
      }),
      { numRuns: 1000 },
    );
  });

  it("says what is wrong with merges and lengths", () => {
    expect(() => createTokenizer({ merges: smallMerges, count: 3000 })).toThrow(
      /needs 3000 merges, the table has 2500/,
    );
    expect(() => createTokenizer({ merges: ["ab"] })).toThrow(/merge 1 is "ab"/);
    expect(() => tokenizer.tokenize("a b c", { contextLength: 4 })).toThrow(/"a b c" has 5 tokens.*reads 4/);
  });
});
