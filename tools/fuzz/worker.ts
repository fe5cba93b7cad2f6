// One process of the fuzzer: runs a share of the inputs and says which one it is at, so that its parent can end it.
import { mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { installGuards } from "./guards.js";
import type { Finding, Job, Totals } from "./job.js";
import type { Report, Target } from "./target.js";

const files = { mkdirSync, openSync, writeFileSync, writeSync }; // as they were before they are watched
const guards = installGuards();

const job = JSON.parse(process.argv[2] ?? "") as Job;
await run(job);

async function run({ seed, packages, targets: wanted, first, count, out, only }: Job): Promise<void> {
  // Only now: the readers are to meet the watched functions.
  const { createRandom } = await import("../../packages/clip/src/index.js");
  const { countShared, findFault } = await import("../../packages/clip/src/fuzz/oracle.test.kit.js");
  const { createTargets } = await import("./targets.js");
  files.mkdirSync(out, { recursive: true });
  const position = files.openSync(join(out, `position-${process.pid}`), "w");
  const targets = (await createTargets(packages)).filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const schedule = targets.flatMap((target) => Array<Target>(target.weight).fill(target));
  const totals = new Map<string, Totals>();
  const signatures = new Set<string>();
  const shared = countShared();
  const environment = JSON.stringify(process.env);
  const place = new Float64Array(1);
  let idle = 0;
  await warmUp(targets);
  for (let index = first; index < first + count; index++) {
    if (only !== undefined && index !== only) continue;
    const target = schedule[index % schedule.length] as Target;
    const random = createRandom(`${seed}/${target.name}/${index}`);
    const bytes = target.mutate(target.seeds[random.integer(target.seeds.length)] as Uint8Array, random, target.seeds);
    place[0] = index;
    files.writeSync(position, place, 0, 8, 0);
    await once(target, index, bytes);
    if (++idle % 500 === 0) send();
  }
  place[0] = -1;
  files.writeSync(position, place, 0, 8, 0);
  send();
  process.disconnect?.();

  async function once(target: Target, index: number, bytes: Uint8Array): Promise<void> {
    const report: Report = { steps: 0, bytesRead: 0, result: 0 };
    const file = target.file ?? "mutated-input";
    const total = totalsOf(target.name);
    let fault: string | undefined;
    let refusal: string | undefined;
    guards.start();
    const begin = process.cpuUsage();
    try {
      await target.run(bytes, file, report);
      total.loaded++;
    } catch (error) {
      total.refused++;
      fault = findFault(error, target.namesFile ? { file } : {});
      refusal = ((error as Error | undefined)?.message ?? "").replace(/"[^"]*"|\d+/g, "#");
      if (fault !== undefined && error instanceof Error)
        fault += ` (${String(error.stack).split("\n").slice(1, 4).join(" ").replace(/\s+/g, " ")})`;
    }
    const { user, system } = process.cpuUsage(begin);
    const milliseconds = (user + system) / 1000;
    const { allocated, largest, forbidden } = guards.stop();
    try {
      report.check?.();
    } catch (error) {
      report.fault ??= `its value cannot be walked: ${String(error)}`;
    }
    const [atOnce, inAll] = [target.memory(bytes.length), target.memoryInAll(bytes.length)];
    fault ??= report.fault;
    if (forbidden.length > 0) fault ??= `did what no reader may: ${forbidden.join(", ")}`;
    if (largest > atOnce)
      fault ??= `asked for ${largest} bytes at once, ${atOnce} are allowed for a file of ${bytes.length}`;
    if (report.result > atOnce)
      fault ??= `gave ${report.result} bytes, ${atOnce} are allowed for a file of ${bytes.length}`;
    const alive = report.peak ?? 0;
    if (alive > atOnce) fault ??= `held ${alive} bytes at once, ${atOnce} are allowed for a file of ${bytes.length}`;
    if (allocated > inAll)
      fault ??= `asked for ${allocated} bytes in all, ${inAll} are allowed for a file of ${bytes.length}`;
    if (countShared() !== shared) fault ??= "changed a prototype that all objects share";
    if (index % 1000 === 0 && JSON.stringify(process.env) !== environment) fault ??= "changed the environment";
    if (milliseconds > 3000) fault ??= `took ${Math.round(milliseconds)} ms of the processor for ${bytes.length} bytes`;
    total.inputs++;
    total.bytes += bytes.length;
    const size = Math.max(bytes.length, 1);
    total.stepsPerByte = Math.max(total.stepsPerByte, report.steps / size);
    total.readPerByte = Math.max(total.readPerByte, report.bytesRead / size);
    total.milliseconds += milliseconds;
    total.slowest = Math.max(total.slowest, milliseconds);
    total.atOnce = Math.max(total.atOnce, Math.max(largest, report.result, alive) / atOnce);
    total.inAll = Math.max(total.inAll, allocated / inAll);
    total.ratio = Math.max(total.ratio, (Math.max(largest, report.result, alive) - 2 ** 20) / size);
    if (refusal !== undefined && !signatures.has(`${target.name}: ${refusal}`)) {
      signatures.add(`${target.name}: ${refusal}`);
      total.reasons.push(refusal.slice(0, 200));
    }
    if (only !== undefined)
      console.log({
        target: target.name,
        index,
        size: bytes.length,
        milliseconds,
        allocated,
        largest,
        atOnce,
        inAll,
        report,
        refusal,
        fault,
      });
    if (fault === undefined) return;
    total.findings++;
    const finding: Finding = { target: target.name, index, seed, fault, size: bytes.length };
    const signature = `! ${target.name}: ${signatureOf(fault)}`;
    if (signatures.has(signature) && only === undefined) return;
    signatures.add(signature);
    files.writeFileSync(join(out, `${target.name}-${index}.bin`), bytes);
    process.send?.({ finding });
  }

  function totalsOf(name: string): Totals {
    let total = totals.get(name);
    if (!total) {
      total = {
        inputs: 0,
        loaded: 0,
        refused: 0,
        findings: 0,
        bytes: 0,
        stepsPerByte: 0,
        readPerByte: 0,
        slowest: 0,
        milliseconds: 0,
        atOnce: 0,
        inAll: 0,
        ratio: 0,
        reasons: [],
      };
      totals.set(name, total);
    }
    return total;
  }

  function send(): void {
    process.send?.({ totals: Object.fromEntries(totals), peak: process.resourceUsage().maxRSS * 1024 });
    totals.clear();
  }
}

/** Every reader once on every seed: what is loaded or compiled late belongs to no input. */
async function warmUp(targets: readonly Target[]): Promise<void> {
  for (const { run, seeds } of targets) {
    for (const bytes of seeds) {
      try {
        await run(bytes, "seed", { steps: 0, bytesRead: 0, result: 0 });
      } catch {
        // Some seeds are hostile.
      }
    }
  }
}

/** Faults of one kind at one place are told once. */
function signatureOf(fault: string): string {
  const place = / \( at .*/.exec(fault)?.[0] ?? "";
  return fault.replace(place, "").replace(/\d+/g, "#").slice(0, 45) + place;
}
