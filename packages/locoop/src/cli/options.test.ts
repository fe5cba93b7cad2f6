import { expect, it } from "vitest";
import { cropRange, list, namedFolder, numberFrom, oneOf, seedList, several, wholeNumber } from "./options.js";

it("reads seeds as a list or a range", () => {
  expect(seedList("1,2,3")).toEqual([1, 2, 3]);
  expect(seedList("4-6")).toEqual([4, 5, 6]);
  expect(() => seedList("1,1")).toThrow(/different/);
  expect(() => seedList("3-1")).toThrow();
  expect(() => seedList("a")).toThrow(/whole number/);
});

it("reads crops", () => {
  expect(cropRange(".5,1")).toEqual([0.5, 1]);
  for (const bad of ["0,1", "1,.5", ".5", ".5,2", "a,b", ".1,.2,.3"]) expect(() => cropRange(bad)).toThrow(/shares/);
});

it("refuses numbers out of range, and blanks", () => {
  expect(wholeNumber(1)("16")).toBe(16);
  for (const bad of ["0", "1.5", "", " ", "x", "1e99"]) expect(() => wholeNumber(1)(bad)).toThrow(/whole number/);
  expect(numberFrom(0)("0")).toBe(0);
  for (const bad of ["-1", "", "NaN", "Infinity"]) expect(() => numberFrom(0)(bad)).toThrow(/number/);
});

it("reads lists, words and named folders", () => {
  expect(list("a, b", ["z"])).toEqual(["z", "a", "b"]);
  expect(() => oneOf("a", "b")("c")).toThrow(/a, b/);
  expect(namedFolder("sun=data/a=b")).toEqual([{ name: "sun", dir: "data/a=b" }]);
  for (const bad of ["sun", "=dir", "sun="]) expect(() => namedFolder(bad)).toThrow(/NAME=DIR/);
  expect(() => namedFolder("a=x", [{ name: "a", dir: "y" }])).toThrow(/twice/);
});

it("collects values that hold commas as they stand", () => {
  expect(several("b=[1,2]", several("a=1,2"))).toEqual(["a=1,2", "b=[1,2]"]);
});
