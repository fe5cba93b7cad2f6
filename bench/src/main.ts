// The benchmark: us and the peers in one run, in turn. See README.md.
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createContext, runRow, withFractions, type Context, type Row, type RowResult } from "./context.js";
import { prepareInputs } from "./inputs.js";
import { describeMachine } from "./machine.js";
import { buildRow, globalRow, localRow, pipelineRow } from "./rows/image.js";
import { metricsRow, resizeRow, startRow, tokenizerRows } from "./rows/plain.js";
import { allNamesRow, textRow } from "./rows/text.js";
import { trainingRow } from "./rows/training.js";
import { replaceMeasured, toMarkdown } from "./table.js";

const rows: readonly Row[] = [
  allNamesRow, // first: the reference takes much memory there
  textRow,
  localRow,
  globalRow,
  pipelineRow,
  buildRow,
  trainingRow,
  metricsRow,
  ...tokenizerRows,
  resizeRow,
  startRow,
];

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string" },
    threads: { type: "string" },
    engine: { type: "string", default: "onnx" },
    json: { type: "string" },
    quick: { type: "boolean", default: false },
    whole: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const only = values.only?.split(",");
const unknown = only?.find((id) => !rows.some((row) => row.id === id));
if (unknown !== undefined) throw new Error(`no row "${unknown}"; there are ${rows.map(({ id }) => id).join(", ")}`);
const settings = {
  rounds: Number(values.rounds ?? (values.quick ? 2 : 7)),
  threads: Number(values.threads ?? availableParallelism()),
  engine: values.engine === "wasm" ? ("wasm" as const) : ("onnx" as const),
  quick: values.quick,
  whole: values.whole,
};

const load = loadavg()[0]!;
const context = createContext(await prepareInputs(), settings);
const results: RowResult[] = [];
try {
  for (const row of rows.filter(({ id }) => only?.includes(id) ?? true)) {
    console.error(`${row.id} ...`);
    for (const result of await runRow(row, context)) {
      results.push(result);
      const { status, ratio, note } = result;
      console.error(`  ${result.id}: ${status}, ratio ${ratio?.median.toFixed(2)}, ${note ?? ""}`);
    }
  }
  const report = {
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    versions: await listVersions(context),
    engine: settings.engine === "onnx" ? "ONNX Runtime" : "TensorFlow.js on wasm",
    threads: settings.threads,
    rounds: settings.rounds,
    load,
    peak: context.peak(),
    quick: settings.quick,
    rows: withFractions(results, context.peak()),
  };
  const table = toMarkdown(report);
  console.log(table);
  await writeFile(
    values.json ?? fileURLToPath(new URL("../.cache/results.json", import.meta.url)),
    JSON.stringify(report, null, 2),
  );
  if (values.write) {
    const readme = new URL("../README.md", import.meta.url);
    await writeFile(readme, replaceMeasured(await readFile(readme, "utf8"), table));
  }
} finally {
  await context.dispose();
}
if (results.some(({ status }) => status === "error")) process.exitCode = 1;

async function listVersions(open: Context): Promise<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const ours = ["onnxruntime-node", "@tensorflow/tfjs", "sharp"].map((name) => {
    const path = require.resolve(name);
    const folder = path.slice(0, path.lastIndexOf(`node_modules/${name}`) + `node_modules/${name}`.length);
    return [name, (require(`${folder}/package.json`) as { version: string }).version];
  });
  const python = await open.python().then(
    (peer) => peer.call("versions"),
    () => ({}),
  );
  return { ...Object.fromEntries(ours), ...(python as Record<string, string>) };
}
