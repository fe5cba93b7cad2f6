import { expect, it } from "vitest";
import { layOutVerdicts, verdictLine } from "./verdict-line.js";

const plain = (...[found, layout]: Parameters<typeof verdictLine>): string[] =>
  verdictLine(found, layout).map((pieces) =>
    pieces.map((piece) => (typeof piece === "string" ? piece : piece.text)).join(""),
  );

const paths = ["a/1.png", "a/\u732b.png", "b.png"];
const rest = { score: "gl-mcm", threshold: 0.5 };
const layout = layOutVerdicts(paths, ["cat", "frog"], rest);
const cat = { path: "a/\u732b.png", className: "cat", label: 0, confidence: 0.987, score: 0.75, isId: true };
const none = { path: "b.png", className: "frog", label: 1, confidence: 0.4, score: -0.25, isId: false };

it("stands in columns, whatever the letters", () => {
  expect([...plain(cat, layout), ...plain(none, layout)]).toEqual([
    "a/\u732b.png  cat             98.7 %  gl-mcm 0.750000 >= 0.500000",
    "b.png     none of these           gl-mcm -0.250000 <  0.500000  closest: frog, 40.0 %",
  ]);
});

it("says why a picture cannot be read, in one line", () => {
  expect(plain({ path: "b.png", error: "no\npicture" }, layout)).toEqual(["b.png     unreadable: no\\x0apicture"]);
});

it("takes two lines on a narrow terminal", () => {
  expect(plain(cat, { ...layout, columns: 40 })).toEqual([
    "a/\u732b.png",
    "  cat             98.7 %  gl-mcm 0.750000 >= 0.500000",
  ]);
  expect(plain(cat, { ...layout, columns: 80 })).toHaveLength(1);
});

it("does not make room for a path out of all proportion", () => {
  expect(layOutVerdicts(["x".repeat(200), "ab"], ["cat"], rest).pathWidth).toBe(2);
});
