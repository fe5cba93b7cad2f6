// Mutated files through every reader of files: `npm run fuzz -- --inputs 200000 --seed 1`. See docs/guide/security.md.
// The sources are bundled as they are now, so that an edit during the run changes nothing.
import { build } from "esbuild";
import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: options } = parseArgs({
  options: {
    inputs: { type: "string", default: "200000" },
    seed: { type: "string", default: "1" },
    targets: { type: "string", default: "" }, // names, separated by commas; all by default
    out: { type: "string", default: mkdtempSync(join(tmpdir(), "locoop-fuzz-")) },
    processes: { type: "string", default: "1" },
    only: { type: "string" }, // one input by its number, with what it did
    reasons: { type: "boolean", default: false }, // lists the refusals
    "seconds-each": { type: "string", default: "10" }, // an input that takes longer is ended and told by its number
  },
});
const limit = Number(options["seconds-each"]) * 1000;
const folder = join(root, "node_modules/.cache", `fuzz-${process.pid}`);
mkdirSync(options.out, { recursive: true });
mkdirSync(folder, { recursive: true });
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
await build({
  entryPoints: [join(root, "tools/fuzz/worker.ts")],
  outdir: folder,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  conditions: ["@locoop/source"],
  external: ["sharp", "onnxruntime-node", "onnxruntime-web", "@tensorflow/*", "vitest"],
  sourcemap: true,
  logLevel: "warning",
});

const totals = {};
const findings = [];
let peak = 0;
const started = Date.now();
const inputs = Number(options.inputs);
const processes = options.only ? 1 : Number(options.processes);
const each = Math.ceil(inputs / processes);
await Promise.all(Array.from({ length: processes }, (_, i) => runRange(i * each, Math.min(each, inputs - i * each))));
print();
if (findings.length > 0) process.exitCode = 1;

/** Runs a range of inputs in processes of their own: the next one begins after an input that ended the one before. */
async function runRange(first, count) {
  const end = first + count;
  while (first < end) {
    const job = {
      seed: options.seed,
      packages: join(root, "packages"),
      targets: options.targets ? options.targets.split(",") : [],
      first: options.only ? Number(options.only) : first,
      count: options.only ? 1 : end - first,
      out: options.out,
      ...(options.only && { only: Number(options.only) }),
    };
    const broken = await runProcess(job);
    if (broken === undefined) return;
    first = broken + 1;
    if (options.only) return;
  }
}

/** Resolves to the input at which the process died or had to be ended; to nothing where it did its work. */
function runProcess(job) {
  return new Promise((resolve) => {
    const child = fork(join(folder, "worker.mjs"), [JSON.stringify(job)], {
      execArgv: ["--max-old-space-size=512", "--expose-gc", "--enable-source-maps"],
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    let errors = "";
    child.stderr.on("data", (text) => (errors = (errors + text).slice(-4000)));
    child.on("message", (message) => {
      if (message.finding) report(message.finding);
      if (message.totals) add(message.totals);
      if (message.peak) peak = Math.max(peak, message.peak);
    });
    let seen = { index: -1, since: Date.now() };
    let ended = false;
    const watchdog = setInterval(() => {
      const index = position(child.pid);
      if (index !== seen.index) seen = { index, since: Date.now() };
      else if (index >= 0 && Date.now() - seen.since > limit) {
        ended = true;
        child.kill("SIGKILL");
      }
    }, 500);
    child.on("exit", (code, signal) => {
      clearInterval(watchdog);
      const index = position(child.pid);
      rmSync(join(job.out, `position-${child.pid}`), { force: true });
      if (code === 0) return resolve(undefined);
      if (index < 0) {
        console.error(`the process did not begin: ${errors}`);
        process.exitCode = 1;
        return resolve(undefined);
      }
      const fault = ended
        ? `ran for more than ${limit / 1000} s`
        : `ended the process (${signal ?? code}): ${errors.trim()}`;
      report({ target: "?", index, seed: job.seed, fault });
      resolve(index);
    });
  });
}

function position(pid) {
  try {
    return new Float64Array(new Uint8Array(readFileSync(join(options.out, `position-${pid}`))).buffer)[0] ?? -1;
  } catch {
    return -1;
  }
}

function report(finding) {
  findings.push(finding);
  console.log(
    `FINDING ${finding.target} ${finding.index} (seed ${finding.seed}, ${finding.size} bytes): ${finding.fault}`,
  );
  writeFileSync(join(options.out, "findings.json"), JSON.stringify(findings, undefined, 1));
}

function add(more) {
  for (const [name, part] of Object.entries(more)) {
    const total = totals[name];
    if (!total) {
      totals[name] = { ...part, reasons: [...new Set(part.reasons)] };
      continue;
    }
    for (const key of ["inputs", "loaded", "refused", "findings", "bytes", "milliseconds"]) total[key] += part[key];
    for (const key of ["stepsPerByte", "readPerByte", "slowest", "atOnce", "inAll", "ratio"])
      total[key] = Math.max(total[key], part[key]);
    total.reasons = [...new Set([...total.reasons, ...part.reasons])];
  }
}

function print() {
  const rows = Object.entries(totals).sort(([a], [b]) => (a < b ? -1 : 1));
  const sum = (key) => rows.reduce((all, [, row]) => all + row[key], 0);
  const percent = (share) => `${Math.round(share * 100)} %`;
  const columns = [
    ["target", ([name]) => name, "all"],
    ["inputs", ([, row]) => row.inputs, sum("inputs")],
    ["loaded", ([, row]) => row.loaded, sum("loaded")],
    ["refused", ([, row]) => row.refused, sum("refused")],
    ["kinds of refusal", ([, row]) => row.reasons.length, ""],
    ["steps per byte", ([, row]) => row.stepsPerByte.toFixed(2), ""],
    ["bytes read per byte", ([, row]) => row.readPerByte.toFixed(2), ""],
    ["largest piece or result, of what is allowed", ([, row]) => percent(row.atOnce), ""],
    ["the same beyond 1 MB, per byte", ([, row]) => Math.max(0, row.ratio).toFixed(2), ""],
    ["all memory asked for, of what is allowed", ([, row]) => percent(row.inAll), ""],
    ["mean, ms", ([, row]) => (row.milliseconds / row.inputs).toFixed(2), ""],
    ["slowest, ms", ([, row]) => Math.round(row.slowest), ""],
    ["findings", ([, row]) => row.findings, sum("findings")],
  ];
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
  line(columns.map(([title]) => title));
  line(columns.map((_, i) => (i === 0 ? "---" : "---:")));
  for (const row of rows) line(columns.map(([, cell]) => cell(row)));
  line(columns.map(([, , last]) => last));
  console.log(
    `seed ${options.seed}, ${Math.round((Date.now() - started) / 1000)} s, peak of a process ${Math.round(peak / 2 ** 20)} MB, findings under ${options.out}`,
  );
  if (options.reasons)
    for (const [name, row] of rows) for (const reason of row.reasons.sort()) console.log(`${name}: ${reason}`);
  for (const name of readdirSync(options.out)) if (name.startsWith("position-")) rmSync(join(options.out, name));
  writeFileSync(
    join(options.out, "totals.json"),
    JSON.stringify({ seed: options.seed, peak, totals, findings }, undefined, 1),
  );
}
