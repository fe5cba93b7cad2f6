import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sampleReport } from "./sample.test.data.js";
import { writeReport } from "./write.js";

describe("writeReport", () => {
  let dir = "";
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "locoop-report-"));
  });
  afterEach(async () => {
    await rm(dir, { recursive: true, force: true });
  });

  it("writes four files into a new folder and leaves no temporary file", async () => {
    const out = join(dir, "runs", "one");
    await writeReport(sampleReport(), out);
    expect((await readdir(out)).sort()).toEqual(["report.csv", "report.html", "report.json", "report.md"]);
    expect(await readFile(join(out, "report.html"), "utf8")).toMatch(/<\/html>\s*$/);
  });

  it("replaces an earlier report with the same bytes for the same data", async () => {
    await writeReport(sampleReport(), dir);
    const first = await readFile(join(dir, "report.html"));
    await writeReport(sampleReport(), dir);
    expect((await readFile(join(dir, "report.html"))).equals(first)).toBe(true);
    expect(await readdir(dir)).toHaveLength(4);
  });

  it("leaves no part behind where a name is taken by a folder", async () => {
    const { mkdir } = await import("node:fs/promises");
    await mkdir(join(dir, "report.json"));
    await expect(writeReport(sampleReport(), dir)).rejects.toThrow(/report\.json/);
    expect(await readdir(dir)).toEqual(["report.json"]);
  });
});
