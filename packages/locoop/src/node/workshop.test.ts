import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tinyClipPaths } from "@locoop/tiny-clip";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { draw } from "../cli/command.test.kit.js";
import { createDecoder, inlineDecoder } from "./decoder.js";
import type { PictureRequest } from "./features.js";
import { closeModel } from "./model.js";
import { createWorkshop } from "./workshop.js";

// Workers run the compiled package: `npm test` builds first.
const { weights } = tinyClipPaths();
let dir: string;
let requests: PictureRequest[];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-workshop-"));
  requests = [];
  for (let i = 0; i < 50; i++) {
    const path = join(dir, `${i}.png`);
    await draw(path, [i * 3, 40, 90], `workshop/${i}`, { width: 70 + i, height: 90 });
    requests.push(i % 2 === 0 ? { path } : { path, augmentation: { key: `1/0/${i}`, scale: [0.3, 1] } });
  }
});
afterAll(async () => {
  await closeModel();
  await rm(dir, { recursive: true });
});

describe("decode workers", () => {
  it("give the same bytes and errors as this thread, in order, however many there are", async () => {
    await writeFile(join(dir, "broken.png"), "no picture");
    const list = [...requests.slice(0, 5), { path: join(dir, "broken.png") }, ...requests.slice(5, 14)];
    const expected = await inlineDecoder.decode(list, 32);
    expect(expected.good).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    for (const threads of [1, 3]) {
      const decoder = createDecoder({ threads });
      try {
        // Asked for at once: memory is used again, answers are not mixed up.
        const [whole, part, again] = await Promise.all([
          decoder.decode(list, 32),
          decoder.decode(requests.slice(20, 22), 32),
          decoder.decode(list, 32),
        ]);
        expect(part).toEqual(await inlineDecoder.decode(requests.slice(20, 22), 32));
        for (const got of [whole, again, await decoder.decode(list, 32)]) {
          expect(got.good).toEqual(expected.good);
          expect(Buffer.from(got.data).equals(Buffer.from(expected.data))).toBe(true);
          expect(got.errors).toEqual(expected.errors);
          expect(got.errors[0]!.error).toMatchObject({ name: "ImageError", path: join(dir, "broken.png") });
        }
      } finally {
        await decoder.dispose();
      }
    }
  });
});

describe.each([{ engine: "onnx", device: "cpu", threads: 2 } as const, { engine: "tfjs", backend: "wasm" } as const])(
  "a workshop on %j",
  (engine) => {
    it("gives the same bits whatever the number of threads", async () => {
      const features = [];
      for (const threads of [1, 2, 3]) {
        const model = { weights, engine: engine.engine === "onnx" ? { ...engine, threads } : engine };
        const workshop = createWorkshop({ model, threads });
        try {
          features.push(await workshop.encode(requests, { local: true }));
        } finally {
          await workshop.dispose();
        }
      }
      // ONNX Runtime, which compares them with classes, takes no shared memory.
      if (engine.engine === "onnx")
        for (const { global } of features) expect(global.data.buffer).toBeInstanceOf(ArrayBuffer);
      const [first, ...others] = features.map(({ global, local }) =>
        Buffer.concat([Buffer.from(global.data.buffer), Buffer.from(local!.data.buffer)]),
      );
      for (const other of others) expect(other.equals(first!)).toBe(true);
    });

    it("stops between chunks with the reason it was given", async () => {
      const workshop = createWorkshop({ model: { weights, engine }, threads: 2 });
      const stop = new AbortController();
      let done = 0;
      try {
        const stopped = workshop.encode(requests, {
          local: false,
          signal: stop.signal,
          onProgress: (count) => {
            done = count;
            stop.abort(new Error("stopped here"));
          },
        });
        await expect(stopped).rejects.toThrow("stopped here");
        expect(done).toBeLessThan(requests.length);
        // Copies in workers are ended, the one in this thread works on.
        if (workshop.here)
          expect((await workshop.encode(requests, { local: false })).global.shape[0]).toBe(requests.length);
      } finally {
        await workshop.dispose();
      }
    });

    it("says which picture cannot be read, or counts it", async () => {
      const workshop = createWorkshop({ model: { weights, engine }, threads: 2 });
      const paths = [...requests.map(({ path }) => path), join(dir, "nothing.png")];
      try {
        await expect(
          workshop.encode(
            paths.map((path) => ({ path })),
            { local: false },
          ),
        ).rejects.toThrow(/nothing\.png: there is no such file/);
        const classFeatures = [{ data: new Float32Array(2 * 128).fill(1), shape: [2, 128] }];
        const scored = await workshop.score(paths, { classFeatures, scores: ["mcm"] });
        expect(scored.map(({ path }) => path)).toEqual(paths);
        expect(scored.filter(({ error }) => error !== undefined)).toEqual([
          { path: paths.at(-1), error: "there is no such file", judgements: [] },
        ]);
      } finally {
        await workshop.dispose();
      }
    });
  },
);
