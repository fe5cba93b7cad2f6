// node tools/tensorflow/build.mjs: builds @tensorflow/tfjs-node against the libraries in TensorFlow's Python wheel, for
// the `tensorflow` backend. docs/guide/tensorflow.md says when this is worth it, and what it needs.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import * as steps from "./steps.mjs";

const usage = `Usage: node tools/tensorflow/build.mjs [options]

Builds @tensorflow/tfjs-node against TensorFlow's Python wheel and makes it importable in a project.

  --project <folder>     the project with @tensorflow/tfjs in its node_modules (default: the current folder)
  --folder <folder>      where to build (default: .tensorflow in the project)
  --cuda                 the wheels with CUDA (Linux x64)
  --tensorflow <folder>  an installed Python package instead of a download: .../site-packages/tensorflow
  --help                 this text

PYTHON and CXX name another python3 and g++.
`;

const version = "4.22.0"; // of tfjs and tfjs-node
const say = (text) => process.stderr.write(`${text}\n`);

function main() {
  const { values } = parseArgs({
    options: {
      project: { type: "string", default: "." },
      folder: { type: "string" },
      cuda: { type: "boolean", default: false },
      tensorflow: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  if (values.cuda && values.tensorflow !== undefined)
    throw new Error("--cuda chooses what to download and --tensorflow downloads nothing: give one of them");
  const project = resolve(values.project);
  const folder = resolve(values.folder ?? join(project, ".tensorflow"));
  const tfjs = steps.findTfjs(project, version);
  const list = steps.listWheels({ cuda: values.cuda });
  const installed = values.tensorflow === undefined ? undefined : findInstalled(values.tensorflow);

  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, ".gitignore"), "*\n");
  const wheels = join(folder, "wheels");
  const tensorflow = installed ?? join(wheels, "tensorflow");
  // Two stamps say what the folder holds, so that a second run has nothing left to do but the links.
  const unpacked = stampOf(readFileSync(list));
  const built = stampOf(tensorflow, unpacked, ...SOURCES.map((name) => readFileSync(join(import.meta.dirname, name))));

  if (!isStamped(folder, "built", built)) {
    steps.checkPrograms({ wheels: installed === undefined });
    if (installed === undefined && !isStamped(folder, "unpacked", unpacked)) {
      say(`downloading TensorFlow (${values.cuda ? "3 GB with CUDA" : "about 270 MB"}) ...`);
      clearStamp(folder, "unpacked");
      steps.unpackWheels({ list, arch: process.arch, folder, target: wheels });
      stamp(folder, "unpacked", unpacked);
    }
    say("installing and compiling tfjs-node ...");
    clearStamp(folder, "built");
    steps.installPackages({ folder, tfjs, version });
    steps.compileAddon({ folder, tensorflow });
    stamp(folder, "built", built);
  }
  steps.linkAddon({ folder, project, tfjs });
  process.stdout.write(`${steps.tryAddon(project)}\n`);
  say(
    `import("@tensorflow/tfjs-node") works in ${project} until npm installs something there: then run this again, it takes seconds`,
  );
}

const SOURCES = ["build.mjs", "steps.mjs", "defaults.cc", "package-lock.json"];

function findInstalled(path) {
  for (const name of ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2", "include/tensorflow/c/eager/c_api.h"])
    if (!existsSync(join(path, name)))
      throw new Error(
        `--tensorflow ${path}: expected the Python package's folder, .../site-packages/tensorflow; it has no ${name}`,
      );
  return realpathSync(path);
}

function stampOf(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
}

const stampPath = (folder, name) => join(folder, `${name}.stamp`);
const stamp = (folder, name, value) => writeFileSync(stampPath(folder, name), value);
const clearStamp = (folder, name) => rmSync(stampPath(folder, name), { force: true });
const isStamped = (folder, name, value) =>
  existsSync(stampPath(folder, name)) && readFileSync(stampPath(folder, name), "utf8") === value;

try {
  main();
} catch (error) {
  const usageError = error.code?.startsWith("ERR_PARSE_ARGS") === true;
  say(`tensorflow: ${error.message}${usageError ? " (--help lists the options)" : ""}`);
  process.exitCode = usageError ? 2 : 1;
}
