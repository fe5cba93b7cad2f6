// The steps of build.mjs. Each throws an Error of one line that says what is missing and what to do.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";

const here = import.meta.dirname;
const python = process.env.PYTHON ?? "python3";
const compiler = process.env.CXX ?? "g++";

/** Runs a program and returns what it printed; `failure` is the message for a program that is absent or fails. */
function run(command, args, { failure, ...options }) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    ...options,
  });
  if (error === undefined && status === 0) return stdout.trim();
  if (error?.code === "ENOENT") throw new Error(`${failure} (there is no ${command})`);
  const lines = `${stderr ?? ""}\n${stdout ?? ""}`.split("\n").filter((line) => line.trim() !== "");
  const reason =
    lines.find((line) => /^(\w*Error|ERROR)\b/.test(line)) ??
    lines.find((line) => /error/i.test(line)) ??
    lines.at(-1) ??
    error?.message ??
    "no reason given";
  throw new Error(`${failure} (${command}: ${reason.trim()})`);
}

/** The lists of wheels for this machine: which there are decides which machines are supported. */
export function listWheels({ cuda }) {
  const { platform, arch } = process;
  const file = join(here, `wheels-${cuda ? "cuda" : "cpu"}-${arch}.txt`);
  if (platform !== "linux" || !existsSync(file))
    throw new Error(
      `${cuda ? "CUDA needs Linux on x64" : "the addon is built on Linux, x64 or arm64, only"}; this is ${platform} on ${arch}: use another backend`,
    );
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  const [major = 0, minor = 0] = (glibc ?? "").split(".").map(Number);
  if (major < 2 || (major === 2 && minor < 27))
    throw new Error(`TensorFlow's wheel needs glibc 2.27 or newer; this system has ${glibc ?? "another C library"}`);
  return file;
}

/** Looks for the programs that the build runs, before anything is downloaded. */
export function checkPrograms({ wheels }) {
  run(compiler, ["--version"], {
    failure: "a C++17 compiler is needed: install g++ (Debian, Ubuntu: apt install g++) or name one in CXX",
  });
  if (!wheels) return;
  run(python, ["--version"], {
    failure: "Python 3 is needed to unpack TensorFlow: install python3 or name one in PYTHON",
  });
  run(python, ["-m", "pip", "--version"], {
    failure:
      "pip is needed to download TensorFlow: install it for this Python (Debian, Ubuntu: apt install python3-pip)",
  });
}

/**
 * Where the project keeps @tensorflow/tfjs: among its own packages, or below locoop where a package manager nests them.
 * The addon must share that copy, or it would register its backend in another one.
 */
export function findTfjs(project, version) {
  const modules = join(project, "node_modules");
  const owners = [project, join(modules, "locoop"), join(modules, "@locoop/clip")].filter((path) => existsSync(path));
  for (const owner of owners) {
    let manifest;
    try {
      manifest = createRequire(join(realpathSync(owner), "package.json")).resolve("@tensorflow/tfjs/package.json");
    } catch {
      continue;
    }
    const found = JSON.parse(readFileSync(manifest, "utf8")).version;
    if (found !== version)
      throw new Error(`${dirname(manifest)} is ${found}; tfjs-node ${version} needs the same version`);
    return dirname(manifest);
  }
  throw new Error(
    `${project} has no @tensorflow/tfjs: run npm install there first, or name the project with --project`,
  );
}

/** Downloads the wheels, hashes checked by pip, and unpacks what is needed of them into `target`. */
export function unpackWheels({ list, arch, folder, target }) {
  const downloads = join(folder, "downloads");
  const partial = `${target}.partial`;
  for (const path of [downloads, partial, target]) rmSync(path, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const machine = { x64: "x86_64", arm64: "aarch64" }[arch];
  // The libraries in the wheels of all Python versions are the same, so the Python here may be one that has no wheel.
  const tags = ["--implementation", "cp", "--python-version", "3.12", "--abi", "cp312"];
  for (const policy of ["manylinux_2_27", "manylinux_2_17", "manylinux2014", "manylinux1"])
    tags.push("--platform", `${policy}_${machine}`);
  const flags = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--require-hashes"];
  run(python, ["-m", "pip", "download", ...flags, ...tags, "--dest", downloads, "--requirement", list], {
    failure: `pip could not download what ${basename(list)} lists; is there a connection, and disk for 1.3 GB (CUDA: 10 GB)?`,
  });
  for (const wheel of readdirSync(downloads)) {
    run(python, ["-c", UNPACK, join(downloads, wheel), partial], {
      failure: `${wheel} could not be unpacked; is the disk full?`,
    });
    rmSync(join(downloads, wheel));
  }
  rmSync(downloads, { recursive: true });
  renameSync(partial, target);
}

const UNPACK = `
import sys, zipfile
needed = ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2", "tensorflow/include/tensorflow/c/",
          "tensorflow/include/tensorflow/core/platform/ctstring", "tensorflow/include/tsl/platform/ctstring",
          "tensorflow/include/xla/tsl/c/", "nvidia/")
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.startswith(needed)])
`;

/** Installs tfjs-node from the lock file, without its install script, which would download TensorFlow 2.9. */
export function installPackages({ folder, tfjs, version }) {
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(here, name), join(folder, name));
  const placeholder = join(folder, "tfjs");
  mkdirSync(placeholder, { recursive: true });
  writeFileSync(join(placeholder, "package.json"), JSON.stringify({ name: "@tensorflow/tfjs", version }));
  run("npm", ["ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: folder,
    failure: "npm could not install tfjs-node from tools/tensorflow/package-lock.json",
  });
  linkTfjs({ folder, tfjs });
}

/** tfjs-node requires tfjs-core too, without naming it among its dependencies: the one that tfjs itself uses. */
function linkTfjs({ folder, tfjs }) {
  const core = dirname(
    createRequire(join(realpathSync(tfjs), "package.json")).resolve("@tensorflow/tfjs-core/package.json"),
  );
  link(tfjs, join(folder, "node_modules/@tensorflow/tfjs"));
  link(core, join(folder, "node_modules/@tensorflow/tfjs-core"));
}

/** Compiles tfjs-node and our defaults against Node-API 8: one binary for Node 20, 22, 24 and later. */
export function compileAddon({ folder, tensorflow }) {
  const addon = join(folder, "node_modules/@tensorflow/tfjs-node");
  const lib = join(addon, "deps/lib");
  rmSync(join(addon, "deps"), { recursive: true, force: true });
  mkdirSync(lib, { recursive: true });
  mkdirSync(join(addon, "lib/napi-v8"), { recursive: true });
  link(join(tensorflow, "include"), join(addon, "deps/include"));
  for (const name of ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"])
    link(join(tensorflow, name), join(lib, name));
  // The wheel's libraries look for those of CUDA in ../nvidia, from where they stand or are linked.
  const nvidia = join(dirname(tensorflow), "nvidia");
  if (existsSync(nvidia)) link(nvidia, join(addon, "deps/nvidia"));

  // Names of attributes are kept in one set for all threads, without a lock: workers need one each.
  edit(join(addon, "binding/tfjs_backend.cc"), "static std::set<std::string> ATTR_NAME_SET", (text) =>
    text.replace("static std::set", "static thread_local std::set"),
  );
  // Node 23 removed functions of node:util that tfjs-node calls, and Node 24 warns of another.
  edit(join(addon, "dist/index.js"), '"use strict";', (text) => `${text}\n${PRELUDE}`);
  compile({ folder, addon, output: "defaults.node", sources: [join(here, "defaults.cc")], flags: [] });
  compile({
    folder,
    addon,
    output: "tfjs_binding.node",
    sources: ["binding/tfjs_backend.cc", "binding/tfjs_binding.cc"],
    flags: ["-Ldeps/lib", "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2", RUN_PATH],
  });
}

function compile({ folder, addon, output, sources, flags }) {
  const defines = ["NAPI_VERSION=8", "NODE_GYP_MODULE_NAME=tfjs_binding", "BUILDING_NODE_EXTENSION"];
  const includes = [join(folder, "node_modules/node-api-headers/include"), "deps/include"];
  const options = [...defines.map((define) => `-D${define}`), ...includes.map((include) => `-I${include}`)];
  run(
    compiler,
    ["-std=c++17", "-O2", "-fPIC", "-shared", "-o", `lib/napi-v8/${output}`, ...options, ...sources, ...flags],
    { cwd: addon, failure: "tfjs-node does not compile; g++ 8 or newer is needed" },
  );
}

const RUN_PATH = "-Wl,-rpath,$ORIGIN/../../deps/lib";
const PRELUDE = `require("../lib/napi-v8/defaults.node");
{ const util = require("util"); util.isNullOrUndefined ??= (x) => x == null; util.isArray = Array.isArray; }`;

/** Replaces the one place where `anchor` stands in a file of the pinned version. */
function edit(file, anchor, replace) {
  const parts = readFileSync(file, "utf8").split(anchor);
  if (parts.length !== 2)
    throw new Error(`${file} is not that of tfjs-node 4.22.0: it has "${anchor}" ${parts.length - 1} times`);
  writeFileSync(file, parts.join(replace(anchor)));
}

/** Makes the addon importable in the project; npm removes this link when it installs something, never what it points to. */
export function linkAddon({ folder, project, tfjs }) {
  linkTfjs({ folder, tfjs });
  const path = join(project, "node_modules/@tensorflow/tfjs-node");
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === false)
    throw new Error(
      `${path} is an installed package: npm uninstall @tensorflow/tfjs-node first, the one built here takes its place`,
    );
  mkdirSync(dirname(path), { recursive: true });
  link(join(folder, "node_modules/@tensorflow/tfjs-node"), path);
}

/** A relative link, so that a project can be moved with the folder in it. */
function link(to, path) {
  const target = relative(realpathSync(dirname(path)), to);
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(path) === target) return;
  rmSync(path, { recursive: true, force: true });
  symlinkSync(target, path);
}

/** Computes with the addon as the project would load it, and returns the line that says what it is. */
export function tryAddon(project) {
  const wantsLog = process.env.TF_CPP_MIN_LOG_LEVEL !== undefined;
  return run(process.execPath, [join(here, "smoke.mjs"), join(project, "package.json")], {
    stdio: ["ignore", "pipe", wantsLog ? "inherit" : "pipe"],
    failure: "the addon was built but does not work",
  });
}
