import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { toReportJson, toReportMarkdown } from "./formats.js";
import { renderReport } from "./html.js";
import { isPaperBenchmark, PAPER_SETS } from "./published.js";
import { discPicture, hostile, sampleMethods, sampleReport } from "./sample.test.data.js";
import type { MethodResult } from "./types.js";

const [first] = sampleMethods();
const count = first!.scores["mcm"]!.id.length;
const run: MethodResult = {
  ...first!,
  pictures: {
    id: {
      paths: [],
      labels: Int32Array.from({ length: count }, (_, i) => i % 5),
      predictions: Int32Array.from({ length: count }, (_, i) => i % 4),
    },
    ood: {},
  },
  training: Array.from({ length: 30 }, (_, i) => ({
    epoch: i + 1,
    values: { accuracy: i / 30, loss: 2 - i / 30, [hostile]: i, learningRate: 0.002 },
  })),
};
const picture = discPicture(64, 64, { label: hostile, title: hostile });
const data = {
  ...sampleReport(),
  methods: [run],
  mistakes: {
    name: hostile,
    score: "mcm",
    threshold: 0.02,
    rejected: [{ value: 0.01, prediction: hostile, picture }],
    accepted: [
      { value: 0.03, set: hostile, prediction: "ox", picture: { title: "b", label: "ox", image: picture.image } },
    ],
  },
  progress: {
    name: hostile,
    pictures: [{ picture, stages: [0, 1, 50].map((epoch) => ({ epoch, mask: picture.mask })) }],
  },
};

describe("the parts of a report", () => {
  it("show classes, training, mistakes and progress, with tables, escaped", async () => {
    const text = await renderReport(data);
    expect(text.toLowerCase()).not.toContain("<script");
    expect(text).not.toMatch(/NaN|undefined/);
    const { document } = parseHTML(text);
    const section = (id: string) => document.querySelector(`section[aria-labelledby=${id}]`)!;
    expect([...section("classes").querySelectorAll("tbody tr")].length).toBe(5);
    expect(section("classes").querySelector("tbody th")?.textContent?.trim().length).toBeGreaterThan(0);
    expect([...section("training").querySelectorAll("svg.chart")].length).toBe(4);
    expect([...section("training").querySelectorAll("tbody tr")].length).toBe(11); // thinned
    expect([...section("mistakes").querySelectorAll("img")].map((image) => image.getAttribute("alt"))).toEqual([
      `${hostile} shows ${hostile}, taken for ${hostile}, MCM 0.01000: is rejected`,
      `b is of ${hostile}, taken for ox, MCM 0.03000: passes`,
    ]);
    expect([...section("progress").querySelectorAll("figcaption")].map((item) => item.textContent?.trim())).toEqual([
      "before training40 of 64",
      "after 1 epoch40 of 64",
      "after 50 epochs40 of 64",
    ]);
    for (const id of ["curves", "thresholds"]) expect(section(id).querySelectorAll("details table").length).toBe(2);
  });
});

it("has the same numbers in report.json", () => {
  const report = JSON.parse(toReportJson(data)) as Record<string, never>;
  expect(report).toMatchObject({
    runs: [{ training: run.training }],
    perClass: { score: "mcm", methods: ["zero-shot"] },
    mistakes: { threshold: 0.02, rejected: [{ value: 0.01, label: hostile }], accepted: [{ set: hostile }] },
  });
  expect(report).not.toHaveProperty("published");
});

describe("isPaperBenchmark", () => {
  const classNames = ["tench", ...Array.from({ length: 999 }, (_, i) => `class ${i}`)];
  const full = (id: number): MethodResult => ({
    method: "m",
    scores: {
      mcm: {
        ...first!.scores["mcm"]!,
        id: new Float64Array(id),
        ood: Object.fromEntries(Object.entries(PAPER_SETS).map(([set, n]) => [set, new Float64Array(n)])),
      },
    },
  });

  it("is the whole of ImageNet with the four sets, and nothing less", () => {
    expect(isPaperBenchmark({ methods: [full(50_000)], classNames })).toBe(true);
    const markdown = toReportMarkdown({ ...sampleReport(), methods: [full(50_000)], classNames });
    expect(markdown).toContain("## Published figures");
    expect(markdown).toContain(
      "| LoCoOp | GL-MCM | 16.1 / 96.9 | 23.4 / 95.1 | 32.9 / 92.0 | 42.3 / 90.2 | 28.7 / 93.5 | 71.5 |",
    );
    expect(toReportMarkdown(sampleReport())).not.toContain("Published");
    expect(isPaperBenchmark({ methods: [full(49_999)], classNames })).toBe(false);
    expect(isPaperBenchmark({ methods: [full(50_000)], classNames: classNames.slice(1) })).toBe(false);
    expect(isPaperBenchmark({ methods: [full(50_000), run], classNames })).toBe(false);
    expect(isPaperBenchmark({ methods: [], classNames })).toBe(false);
  });
});
