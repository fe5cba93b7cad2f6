import { expect, test } from "vitest";
import { formatRatio, formatTime, replaceMeasured, toMarkdown } from "./table.js";

const machine = { processor: "A | B", flags: ["avx2"], cores: 2, memoryGiB: 8, system: "linux", node: "v20" };
const report = {
  date: "2026-01-01",
  machine,
  versions: { torch: "2" },
  engine: "onnx-cpu",
  threads: 2,
  rounds: 3,
  load: 0.1,
  peak: { ms: 2e8, cpu: 1e8 },
  quick: false,
};

test("a row of every kind", () => {
  const spread = { median: 2, min: 1.5, max: 30, count: 3 };
  const table = toMarkdown({
    ...report,
    rows: [
      {
        id: "a",
        what: "this | that",
        against: "peer",
        status: "measured",
        ratio: spread,
        goal: "ratio 1",
        ours: { ...spread, median: 1500 },
        peer: { ...spread, median: 3000 },
        fraction: { ms: 0.456, cpu: 0.5 },
        towerFraction: { ms: 0.6, cpu: 0.7 },
        check: { distance: 2e-6, tolerance: 1e-3 },
      },
      { id: "b", what: "other", against: "peer", status: "not run", note: "set LOCOOP_REFERENCE" },
    ],
  });
  const lines = table.split("\n");
  expect(lines[0]).toContain("A | B, 2 cores, avx2, 8 GiB; linux, Node v20; load average 0.1 before");
  expect(lines[1]).toContain("peak 200 GFLOP/s, 100 a processor second");
  expect(lines.at(-2)).toBe(
    "| this \\| that | peer | 2.00 (1.50 to 30.0) |  | ratio 1 | 0.46 (0.50), tower 0.60 (0.70) | 1.50 s | 3.00 s | 2e-6 (1e-3) |  |",
  );
  expect(lines.at(-1)).toBe("| other | peer | not run |  |  |  |  |  |  | not run: set LOCOOP_REFERENCE |");
});

test("numbers as people read them", () => {
  expect(formatRatio({ median: 12.34, min: 1, max: 1, count: 1 })).toBe("12.3");
  expect(formatTime(12.3)).toBe("12.3 ms");
  expect(formatTime(123_456)).toBe("123 s");
});

test("the README keeps all but what stands between the markers", () => {
  const before = "a\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nb";
  expect(replaceMeasured(before, "new")).toBe("a\n<!-- measured: begin -->\n\nnew\n\n<!-- measured: end -->\nb");
  expect(() => replaceMeasured("a", "new")).toThrow("put them back");
});
