import { expect, it } from "vitest";
import { createProgress, progressLine } from "./progress.js";

const sink = (
  isTTY: boolean,
): { written: string[]; stream: NodeJS.WritableStream & { isTTY: boolean; columns: number } } => {
  const written: string[] = [];
  return {
    written,
    stream: {
      isTTY,
      columns: 60,
      write: (text: string) => (written.push(text), true),
    } as unknown as NodeJS.WritableStream & { isTTY: boolean; columns: number },
  };
};

it("shows share, rate and time left", () => {
  expect(progressLine("train", "steps", 50, 200, 25)).toBe("train: 50/200 steps (25 %), 2.0 steps/s, 1 min 15 s left");
  expect(progressLine("draw", "pictures", 3, 0, 0)).toBe("draw: 3 pictures");
});

it("rewrites one line on a terminal", () => {
  let time = 0;
  const { written, stream } = sink(true);
  const progress = createProgress({ label: "x", total: 2, stream, now: () => time });
  time = 200;
  progress.update(1);
  time = 400;
  progress.update(2);
  progress.end();
  expect(written.every((text, i) => i === written.length - 1 || text.startsWith("\r\u001b[2K"))).toBe(true);
  expect(written.at(-1)).toBe("\n");
});

it("writes plain lines seldom elsewhere, the last one always", () => {
  let time = 0;
  const { written, stream } = sink(false);
  const progress = createProgress({ label: "x", total: 3, stream, now: () => time });
  for (time = 1000; time <= 3000; time += 1000) progress.update(time / 1000);
  progress.end();
  expect(written).toHaveLength(1);
  expect(written[0]).toMatch(/^x: 3\/3 pictures \(100 %\).*\n$/);
  expect(written[0]).not.toContain("\u001b");
});

it("escapes what a note brings", () => {
  let time = 0;
  const { written, stream } = sink(false);
  const progress = createProgress({ label: "x", stream, now: () => time });
  time = 6000;
  progress.update(1, 2, "set \u001b[2J");
  expect(written.join("")).toContain("\\x1b[2J");
});

it("what was there before counts in the share, not in the rate", () => {
  expect(progressLine("x", "MB", 110, 200, 10, "", 100)).toBe("x: 110/200 MB (55 %), 1.0 MB/s, 1 min 30 s left");
});
