import { appendFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { watchPictures } from "./watch-pictures.js";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-watch-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

// What happens in the pauses is said by the test: no time passes.
const start = (pause: () => Promise<unknown> = async () => {}, folders = [dir]) => {
  const stop = new AbortController();
  const pictures = watchPictures({ folders, signal: stop.signal, pause });
  const next = async (): Promise<string[] | undefined> => (await pictures.next()).value || undefined;
  return { next, stop: () => stop.abort() };
};

describe("watchPictures", () => {
  it("gives what is there first, in order, then what comes, in new folders too, and ends with the signal", async () => {
    await mkdir(join(dir, "sub"));
    for (const name of ["b.png", "a.JPG", "sub/c.webp", "notes.txt", ".hidden.png"])
      await writeFile(join(dir, name), name);
    const { next, stop } = start();
    expect(await next()).toEqual(["a.JPG", "b.png", "sub/c.webp"].map((name) => join(dir, name)));
    let waiting = next();
    await writeFile(join(dir, "sub/d.png"), "d");
    expect(await waiting).toEqual([join(dir, "sub/d.png")]);
    waiting = next();
    await mkdir(join(dir, "new/deep"), { recursive: true });
    await writeFile(join(dir, "new/deep/e.png"), "e");
    expect(await waiting).toEqual([join(dir, "new/deep/e.png")]);
    waiting = next();
    stop();
    expect(await waiting).toBeUndefined();
  });

  it("waits until a file is written completely", async () => {
    const path = join(dir, "slow.png");
    await writeFile(path, "1");
    let left = 3;
    const { next, stop } = start(async () => {
      if (left-- > 0) await appendFile(path, "more");
    });
    expect(await next()).toEqual([path]);
    expect(left).toBeLessThan(0);
    stop();
  });

  it("gives a picture again when it has changed, also one that was moved to its name", async () => {
    const path = join(dir, "camera.png");
    await writeFile(path, "1");
    const { next, stop } = start();
    expect(await next()).toEqual([path]);
    let waiting = next();
    await writeFile(path, "other");
    expect(await waiting).toEqual([path]);
    waiting = next();
    await writeFile(join(dir, "camera.part"), "a third one");
    await rename(join(dir, "camera.part"), path);
    expect(await waiting).toEqual([path]);
    stop();
  });

  it("does not follow a link that leads back, and forgets what is gone before its turn", async () => {
    await symlink(dir, join(dir, "loop"));
    await writeFile(join(dir, "a.png"), "a");
    await writeFile(join(dir, "gone.png"), "gone");
    const { next, stop } = start(() => rm(join(dir, "gone.png"), { force: true }));
    expect(await next()).toEqual([join(dir, "a.png")]);
    stop();
  });

  it("says when the folder is gone", async () => {
    const folder = join(dir, "folder");
    await mkdir(folder);
    await writeFile(join(folder, "a.png"), "a");
    const { next } = start(undefined, [folder]);
    await next();
    const refused = next().catch((error: Error) => error.message);
    await rm(folder, { recursive: true });
    expect(await refused).toMatch(/^--watch: the folder .*folder is gone/);
  });

  it("ends at once when it is stopped before it begins", async () => {
    const { next, stop } = start();
    stop();
    expect(await next()).toBeUndefined();
  });
});
