import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "../context.js";
import { spreadOf, type Spread } from "../statistics.js";

export const commandLine = fileURLToPath(new URL("../../../packages/locoop/bin/locoop.js", import.meta.url));

/** The command line's own training, from start to end. */
export async function trainWithCachedViews(
  { inputs, settings }: Context,
  { shots, epochs, views }: { shots: number; epochs: number; views: number },
): Promise<{ time: Spread; note: string }> {
  const folder = await mkdtemp(join(tmpdir(), "locoop-bench-"));
  try {
    const options = {
      data: inputs.dataset,
      weights: inputs.weights,
      out: join(folder, "run"),
      shots,
      epochs,
      views,
      threads: settings.threads,
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    if (settings.engine === "wasm") args.push("--engine", "tfjs", "--backend", "wasm");
    const start = performance.now();
    const child = spawn(process.execPath, [commandLine, "train", ...args], { stdio: ["ignore", 2, 2] });
    const status = await new Promise((resolve) => void child.on("exit", resolve));
    if (status !== 0) throw new Error(`locoop train ended with status ${status as number}`);
    return { time: spreadOf([performance.now() - start]), note: "ours measured once, the whole of locoop train" };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
