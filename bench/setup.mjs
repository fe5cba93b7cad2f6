// Installs the peers of the benchmark beside it, in bench/.peers, which git ignores: a Python virtual environment with
// PyTorch for the CPU, Hugging Face's transformers, Pillow and scikit-learn, and transformers.js with an ONNX Runtime of its own.
// The Python reference is not installed: clone it and set LOCOOP_REFERENCE to its folder.
//
//   node bench/setup.mjs [python]
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const python = process.argv[2] ?? "python3";
const folder = fileURLToPath(new URL(".peers", import.meta.url));
const inside = `${folder}/venv/bin/python`;

const run = (command, ...args) => {
  console.log([command, ...args].join(" "));
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error || status !== 0) {
    console.error(`${command} ended with ${error?.message ?? `status ${status}`}; repair that and start this again`);
    process.exit(1);
  }
};

if (!existsSync(inside)) run(python, "-m", "venv", `${folder}/venv`);
// PyTorch first and alone, with its version: asked for by another package, it comes as a CUDA build of several GB.
run(inside, "-m", "pip", "install", "--quiet", "torch==2.13.0");
const others = [
  "numpy==2.4.6",
  "transformers==5.24.0",
  "pillow==13.0.0",
  "scikit-learn==1.9.1",
  "ftfy==6.3.1",
  "regex",
];
run(inside, "-m", "pip", "install", "--quiet", ...others);
run("npm", "install", "--prefix", `${folder}/js`, "@huggingface/transformers@4.3.1", "--ignore-scripts", "--no-audit");
console.log(`peers are in ${folder}`);
