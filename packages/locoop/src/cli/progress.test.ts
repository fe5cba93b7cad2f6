import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { displayWidth } from "../report/columns.js";
import { createProgress, progressBar, progressLine } from "./progress.js";

const sink = (isTTY: boolean, columns = 60): { written: string[]; stream: NodeJS.WriteStream } => {
  const written: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      written.push(text);
      done();
    },
  });
  return { written, stream: Object.assign(stream, { isTTY, columns }) as unknown as NodeJS.WriteStream };
};

const state = { label: "train", unit: "steps", done: 50, total: 200, seconds: 25 };

it("shows share, rate and time left", () => {
  expect(progressLine(state)).toBe("train: 50/200 steps (25 %), 2.0 steps/s, 1 min 15 s left");
  expect(progressLine({ ...state, done: 1, total: 5000, note: "loss 1" })).toBe(
    "train: 1/5000 steps (0 %), 0.0 steps/s, 34 h 43 min left, loss 1",
  );
  expect(progressLine({ label: "draw", unit: "pictures", done: 3, total: 0, seconds: 0 })).toBe("draw: 3 pictures");
});

it("what was there before counts in the share, not in the rate", () => {
  expect(progressLine({ label: "x", unit: "MB", done: 110, total: 200, seconds: 10, from: 100 })).toBe(
    "x: 110/200 MB (55 %), 1.0 MB/s, 1 min 30 s left",
  );
});

describe("progressBar", () => {
  it("has a bar, share, count, rate and time left", () => {
    expect(progressBar({ ...state, note: "loss 0.5" }, 120)).toBe(
      `train  ${"\u2501".repeat(6)}${"\u2500".repeat(18)}   25 %  50/200 steps  2.0 steps/s  1 min 15 s left  loss 0.5`,
    );
  });

  it("leaves out what matters least where the terminal is narrow, and never wraps", () => {
    const shown = Array.from({ length: 110 }, (_, i) => progressBar({ ...state, note: "\u732b" }, i + 1));
    for (const [i, text] of shown.entries()) expect(displayWidth(text)).toBeLessThanOrEqual(i + 1);
    expect(shown[59]).toBe("train   25 %  50/200 steps  1 min 15 s left");
    expect(shown[31]).toBe("train   25 %  1 min 15 s left");
    expect(shown[3]).toBe("tra\u2026");
  });

  it("is full at the end, and not over it", () => {
    for (const done of [200, 300])
      expect(progressBar({ ...state, done }, 120)).toContain(`${"\u2501".repeat(24)}  100 %`);
  });
});

describe("createProgress", () => {
  it("redraws one line on a terminal", () => {
    let time = 0;
    const { written, stream } = sink(true);
    const progress = createProgress({ label: "x", total: 2, stream, now: () => time });
    time = 200;
    progress.update(1);
    time = 210;
    progress.update(1);
    time = 400;
    progress.update(2);
    progress.end();
    progress.end();
    expect(written).toHaveLength(3);
    expect(written.slice(0, -1).every((text) => text.startsWith("\r\u001b[2K"))).toBe(true);
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
    for (const terminal of [true, false]) {
      let time = 0;
      const { written, stream } = sink(terminal, 200);
      const progress = createProgress({ label: "x", stream, now: () => time });
      time = 6000;
      progress.update(1, 2, "set \u001b[2J");
      expect(written.join("")).toContain("\\x1b[2J");
    }
  });

  it("writes nothing when quiet", () => {
    const { written, stream } = sink(false);
    const progress = createProgress({ label: "x", total: 1, stream, quiet: true });
    progress.update(1);
    progress.end();
    expect(written).toEqual([]);
  });
});
