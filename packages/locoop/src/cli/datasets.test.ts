import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "./main.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../node/fixtures/dassl/${name}`, import.meta.url));
let dir: string;

/** The command line in this process; what it prints. */
async function locoop(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const printed = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    vi.spyOn(process[stream], "write").mockImplementation((text) => {
      printed[stream] += String(text);
      return true;
    });
  }
  try {
    const code = await main(["datasets", ...args]);
    return { code, ...printed };
  } finally {
    vi.restoreAllMocks();
  }
}

async function makeFiles(folder: string, ...paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    await mkdir(dirname(join(dir, folder, path)), { recursive: true });
    await writeFile(join(dir, folder, path), `GIF89a${path}`);
  }
  return join(dir, folder);
}
const pets = (): Promise<string> =>
  makeFiles("pets", ...["1", "2", "3"].map((n) => `cat/${n}.png`), "dog/1.png", "dog/2.png", "dog/ä b.png");

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-datasets-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("locoop datasets import", () => {
  it("writes a split that says its shots and seed", async () => {
    const out = join(dir, "new/split.json");
    const file = fixture("protocol-5/shot_2-seed_1.pkl");
    const { code, stdout, stderr } = await locoop("import", file, "--data", await pets(), "--out", out);
    expect(code).toBe(0);
    expect(stdout).toBe(`${out}: 4 pictures of 2 classes, 2 shots of seed 1; 2 to validate\n`);
    expect(stderr).toContain("to use it: locoop train --data");
    expect(JSON.parse(await readFile(out, "utf8"))).toMatchObject({
      version: 1,
      shots: 2,
      seed: 1,
      classNames: ["cat", "dog"],
      val: [
        { path: "cat/2.png", label: 0 },
        { path: "dog/1.png", label: 1 },
      ],
    });
  });

  it("prints JSON, and nothing beside it", async () => {
    const out = join(dir, "split.json");
    const file = fixture("preprocessed.pkl");
    const prefix = "/home/author/data/pets/images";
    const args = ["import", file, "--data", await pets(), "--out", out, "--prefix", prefix, "--json"];
    const { code, stdout } = await locoop(...args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      split: out,
      classes: 2,
      pictures: { train: 5, val: 1 },
      trainable: true,
    });
  });

  it("draws from the list of the file where shots are asked for", async () => {
    const out = join(dir, "drawn.json");
    const args = [
      "import",
      fixture("preprocessed.pkl"),
      "--data",
      await pets(),
      "--out",
      out,
      "--shots",
      "2",
      "--seed",
      "3",
    ];
    const { code, stdout } = await locoop(...args);
    expect(code).toBe(0);
    expect(stdout).toBe(`${out}: 4 pictures of 2 classes, 2 shots of seed 3; 1 to validate\n`);
    expect(await locoop(...args.slice(0, 6), "--seed", "3")).toMatchObject({ code: 2 });
  });

  it("writes nothing where a pickle is refused", async () => {
    const out = join(dir, "none.json");
    const file = fixture("hostile/shot_2-seed_1.pkl");
    const { code, stdout, stderr } = await locoop("import", file, "--data", await pets(), "--out", out);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: .*posix\.system.*\n$/);
    await expect(readFile(out)).rejects.toThrow("ENOENT");
  });
});

describe("locoop datasets check", () => {
  it("prints a table, exits with 0 where all is well and with 1 where it is not", async () => {
    const root = await pets();
    const good = await locoop("check", root);
    expect(good.code).toBe(0);
    const [header, , row] = good.stdout.split("\n");
    expect(header).toMatch(/^set +folder +pictures +classes +of a class +size +as expected$/);
    expect(row).toMatch(/^pets +.*pets +6 +2 +3 +0\.0 MB +yes$/);

    const few = await locoop("check", root, "--shots", "9", "--benchmark", "folders");
    expect(few.code).toBe(1);
    expect(few.stdout).toContain(
      "error   pets: class folders have fewer than the 9 pictures wanted (2: cat (3), dog (3))",
    );
    expect(few.stderr).toContain(`error: ${root} is not what is expected of folders: 1 error\n`);
  });

  it("prints the report as JSON, of other pictures too", async () => {
    const other = await makeFiles("other", "a\u001b[31m.png");
    const { code, stdout } = await locoop("check", await pets(), "--ood", `mine=${other}`, "--json");
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as { sets: { name: string; pictures: number }[]; met: boolean };
    expect(report.sets.map(({ name, pictures }) => [name, pictures])).toEqual([
      ["pets", 6],
      ["mine", 1],
    ]);
    expect(report.met).toBe(true);
  });

  it.each([
    [["check"], /missing required argument 'dir'/],
    [["check", ".", "--benchmark", "imgnet"], /expected imagenet, ood, folders, got imgnet/],
    [["check", ".", "--ood", "x"], /expected NAME=DIR/],
    [["check", ".", "--nothing"], /unknown option/],
    [["import", "x.pkl", "--data", "y"], /--out/],
    [["inport"], /unknown command/],
  ])("is called wrongly: %j", async (args, message) => {
    const { code, stderr } = await locoop(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it("names a folder that is not there", async () => {
    expect(await locoop("check", join(dir, "no"))).toMatchObject({ code: 1, stdout: "" });
  });
});
