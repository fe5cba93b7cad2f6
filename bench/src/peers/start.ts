import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Inputs } from "../inputs.js";
import { startPeer, type Peer } from "./peer.js";

/** Where `setup.mjs` puts what is compared. */
export const peersFolder = fileURLToPath(new URL("../../.peers", import.meta.url));
const python = `${peersFolder}/venv/bin/python`;

/** A side that cannot run here; the reason stands in the table. */
export class NotRun extends Error {}

/** Our side on an engine. */
export async function startOurs(
  { weights, inputs }: Inputs,
  { threads, engine }: { threads: number; engine: "onnx" | "wasm" },
): Promise<Peer> {
  const peer = startPeer(process.execPath, [fileURLToPath(new URL("./ours.js", import.meta.url))]);
  await peer.call("init", { weights, inputs, threads, engine });
  return peer;
}

/** The Python peers, with the reference's folder in the environment. */
export async function startPython(inputs: Inputs, { threads }: { threads: number }): Promise<Peer> {
  if (!existsSync(python)) throw new NotRun("run node bench/setup.mjs");
  const worker = fileURLToPath(new URL("../../python/worker.py", import.meta.url));
  const peer = startPeer(python, [worker], {
    OMP_NUM_THREADS: String(threads),
    PYTHONWARNINGS: "ignore",
    HF_HUB_OFFLINE: "1",
  });
  await peer.call("init", { weights: inputs.weights, inputs: inputs.inputs, threads });
  return peer;
}

/** Throws where the Python reference is not given. */
export function requireReference(): void {
  const folder = process.env["LOCOOP_REFERENCE"];
  if (!folder) throw new NotRun("set LOCOOP_REFERENCE");
  if (!existsSync(`${folder}/trainers/locoop.py`))
    throw new NotRun(`LOCOOP_REFERENCE is ${folder}, which has no trainers/locoop.py`);
}

/** Our image tower's graph in a folder, and the process that wrote it. */
export async function startExporter({ weights }: Inputs, o: { folder: string; threads: number }): Promise<Peer> {
  const peer = startPeer(process.execPath, [fileURLToPath(new URL("./exporter.js", import.meta.url))]);
  await peer.call("init", { weights, ...o });
  return peer;
}

/** transformers.js on a folder with our exported graph. */
export async function startTransformersJs(
  folder: string,
  { threads }: { threads: number },
): Promise<Peer & { readonly version: string }> {
  if (!existsSync(`${peersFolder}/js/node_modules/@huggingface/transformers`))
    throw new NotRun("run node bench/setup.mjs");
  const peer = startPeer(process.execPath, [fileURLToPath(new URL("./transformers-js.js", import.meta.url))]);
  const { version } = await peer.call("init", { folder, threads });
  return { ...peer, version: version as string };
}
