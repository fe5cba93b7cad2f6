import { createTokenizer } from "@locoop/clip";
import { merges } from "@locoop/clip/merges";
import { describe, expect, it } from "vitest";
import { readJson, type ReferencePrompts } from "../fixtures/read.js";
import { layOut, tokenizePrompts } from "./prompt-batch.js";

type Case = ReferencePrompts & { readonly prefix: string };
interface Reference {
  readonly names: string[];
  readonly merges: number;
  readonly variants: (ReferencePrompts & { n_ctx: number; ctx_init: string; key: string })[];
  readonly full_vocabulary: { names: string[]; prompts: Case[] };
}
const reference = await readJson<Reference>("prompts.json");

describe("tokenizePrompts, with the reference's ids, name lengths and end tokens", () => {
  const tokenize = (options: { count?: number }, classNames: string[], prefix: string): ReferencePrompts => {
    const tokenizer = createTokenizer({ merges, ...options });
    const prompts = tokenizePrompts({ classNames, tokenizer, contextLength: 77 }, (name) => `${prefix} ${name}.`);
    return {
      ids: prompts.map(({ ids }) => ids),
      name_lengths: prompts.map(({ nameLength }) => nameLength),
      eot: prompts.map(({ end }) => end),
    };
  };

  it.each(reference.full_vocabulary.prompts)("full vocabulary, '$prefix'", ({ prefix, ...expected }) => {
    expect(expected).toMatchObject(tokenize({}, reference.full_vocabulary.names, prefix));
  });

  it.each(reference.variants)("500 merges, $key", (variant) => {
    const prefix = variant.ctx_init || Array.from({ length: variant.n_ctx }, () => "X").join(" ");
    expect(variant).toMatchObject(tokenize({ count: reference.merges }, reference.names, prefix));
  });
});

describe("layOut", () => {
  const prompts = [
    { slots: [9, -1, -2, 4, 5, 10], end: 5 },
    { slots: [9, -1, -2, 4, 10], end: 4 },
  ];

  it("shares what all begin with, pads the rest with token 0 and counts ends from there", () => {
    expect(layOut(prompts, true)).toEqual({
      shared: [9, -1, -2, 4],
      own: [
        [5, 10],
        [10, 0],
      ],
      end: Int32Array.of(1, 0),
    });
  });

  it("never shares contexts of a class's own", () => {
    expect(layOut(prompts, false)).toMatchObject({ shared: [9], end: Int32Array.of(4, 3) });
  });

  it("drops what follows the last end token, and never shares an end token", () => {
    const twice = [
      { slots: [9, 10, 4, 10], end: 1 },
      { slots: [9, 10, 4, 10], end: 1 },
    ];
    expect(layOut(twice, true)).toEqual({ shared: [9], own: [[10], [10]], end: Int32Array.of(0, 0) });
  });
});
