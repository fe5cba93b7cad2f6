import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkData } from "./check-data.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "locoop-check-"));
  for (const [i, name] of ["cat/1.jpg", "cat/2.png", "dog/1.webp"].entries()) {
    await mkdir(join(root, name, ".."), { recursive: true });
    const picture = sharp({
      create: { width: 90 + i, height: 3 + i, channels: 3, background: { r: i * 60, g: 9, b: 99 } },
    });
    await picture.toFile(join(root, name));
  }
  const whole = await readFile(join(root, "cat/2.png"));
  await writeFile(
    join(root, "dog/header.png"),
    Buffer.concat([whole.subarray(0, 45), Buffer.from("junk"), whole.subarray(45)]),
  );
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe("checkData", () => {
  it("finds with decode what a look at both ends of a file does not", async () => {
    const looked = await checkData(root);
    expect(looked).toMatchObject({ met: true, problems: [] });
    const stages = new Set<string>();
    const decoded = await checkData(root, { decode: true, threads: 2, onProgress: (stage) => stages.add(stage) });
    expect(decoded.problems).toEqual([
      {
        severity: "error",
        set: decoded.sets[0]!.name,
        message: expect.stringMatching(/^unreadable: the file is damaged/) as string,
        count: 1,
        examples: ["dog/header.png"],
      },
    ]);
    expect(decoded.met).toBe(false);
    expect(stages).toContain("decode");
  });
});
