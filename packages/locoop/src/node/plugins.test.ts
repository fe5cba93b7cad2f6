import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { UsageError } from "./errors.js";
import { loadLearner, loadScore, resolveChoice } from "./plugins.js";

let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "locoop-plugins-"))));
afterAll(() => rm(dir, { recursive: true }));

it("finds built-in scores and learners by name", async () => {
  expect((await loadScore("gl-mcm")).local).toBe(true);
  expect((await loadLearner("coop")).name).toBe("coop");
});

it("refuses unknown names, those of Object.prototype included, and lists the known ones", async () => {
  await expect(loadScore("nope")).rejects.toThrow(/mcm, .*got "nope"/);
  await expect(loadScore("constructor")).rejects.toThrow(UsageError);
  await expect(loadLearner("toString")).rejects.toThrow(/coop, template/);
});

it("takes a default or a named export of a module", async () => {
  const score = `Object.assign((m) => new Float64Array(m.global.length / m.classes), { local: false, defaults: {} })`;
  await writeFile(
    join(dir, "named.mjs"),
    `const mine = ${score}; Object.defineProperty(mine, "name", { value: "mine" }); export { mine };`,
  );
  await writeFile(join(dir, "default.mjs"), `export default { name: "quiet", defaults: {}, create() {} };`);
  expect((await loadScore(join(dir, "named.mjs"))).name).toBe("mine");
  expect((await loadLearner(join(dir, "default.mjs"))).name).toBe("quiet");
});

it("says what a module lacks", async () => {
  await writeFile(join(dir, "empty.mjs"), "export const a = 1;");
  await writeFile(join(dir, "broken.mjs"), "export const = 1;");
  await expect(loadScore(join(dir, "empty.mjs"))).rejects.toThrow(/exports nothing made by defineScore/);
  await expect(loadLearner(join(dir, "broken.mjs"))).rejects.toThrow(/does not load/);
  await expect(loadLearner(join(dir, "missing.mjs"))).rejects.toThrow(/no such file/);
});

it("makes paths absolute and leaves names alone", () => {
  expect(resolveChoice("mcm")).toBe("mcm");
  expect(resolveChoice("./mine.js")).toBe(join(process.cwd(), "mine.js"));
});
