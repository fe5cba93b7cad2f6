import { basename, join } from "node:path";
import { warnNames } from "../dataset.js";
import { DatasetError } from "../errors.js";
import { findClassNames, readClassNames } from "../imagenet.js";
import type { PlannedSet } from "./plan.js";
import type { Findings } from "./report.js";
import type { Scan } from "./scan.js";

/** Pictures by folder of the first level, those with none left out. */
export function countClasses({ pictures, folders }: Scan): Map<string, number> {
  const counts = new Map(folders.map((folder) => [folder, 0]));
  for (const { top } of pictures) if (top !== "") counts.set(top, (counts.get(top) ?? 0) + 1);
  return counts;
}

const number = (value: number): string => value.toLocaleString("en-US");
const amount = (folder: string, count: number): string => `${folder} (${number(count)})`;

/** Compares what was found of a set with what the benchmark has. */
export function compareSet(
  set: PlannedSet,
  scan: Scan,
  { findings, shots }: { findings: Findings; shots?: number },
): void {
  const { name } = set;
  const total = scan.pictures.length;
  if (set.pictures !== undefined && total !== set.pictures) {
    const cause = total > set.pictures ? tooMany(set) : "files are missing: unpack or copy it again";
    findings.add("error", name, `expected ${number(set.pictures)} pictures, found ${number(total)}: ${cause}`);
  } else if (total === 0) {
    findings.add("error", name, "expected pictures, found none: check the path or add pictures");
  }
  if (set.kind === "ood") return compareTexture(set, scan, findings);
  const counts = countClasses(scan);
  const loose = scan.pictures.filter(({ top }) => top === "").map(({ path }) => path);
  const noTop = `pictures lie in no class folder and are not seen${set.kind === "imagenet-val" ? valAdvice : ": put them in the folder of their class"}`;
  findings.add(set.kind === "classes" && scan.folders.length > 0 ? "warning" : "error", name, noTop, loose);
  if (set.classes !== undefined && counts.size !== set.classes) {
    findings.add("error", name, `expected ${number(set.classes)} class folders, found ${number(counts.size)}`);
  }
  if (set.kind === "classes" && counts.size < 2) {
    const found = counts.size === 0 ? "no folder" : `the folder ${scan.folders[0]} alone`;
    findings.add("error", name, `expected at least two class folders, found ${found}: name the folder that holds them`);
  }
  const empty = [...counts].filter(([, count]) => count === 0).map(([folder]) => folder);
  findings.add("error", name, "class folders have no pictures: add some or remove the folder", empty);
  if (set.perClass) {
    const [least, most] = set.perClass;
    const odd = [...counts].filter(([, count]) => count > 0 && (count < least || count > most));
    const range = least === most ? `${least}` : `${number(least)} to ${number(most)}`;
    const names = odd.map(([folder, count]) => amount(folder, count));
    findings.add("error", name, `class folders do not have ${range} pictures`, names);
  }
  if (shots !== undefined && set.kind !== "imagenet-val") {
    const few = [...counts].filter(([, count]) => count > 0 && count < shots);
    const names = few.map(([folder, count]) => amount(folder, count));
    findings.add("error", name, `class folders have fewer than the ${shots} pictures wanted`, names);
  }
  if (set.kind === "classes") {
    for (const warning of warnNames(scan.folders, scan.folders)) findings.add("warning", name, warning);
  } else checkFileNames(set, scan, findings);
}

const valAdvice =
  ": sort the validation pictures into class folders, by the ground truth of the development kit (valprep.sh of soumith/imagenetloader.torch does it)";

const whole: Record<string, string> = {
  SUN: "all of SUN397 has 108,754",
  Places: "all of Places365 has 36,500 to validate and 1.8 million to train",
  iNaturalist: "all of iNaturalist 2017 has 675,170",
};

function tooMany({ name, kind }: PlannedSet): string {
  if (kind !== "ood") return "something else lies in it, or it was unpacked twice";
  const all = whole[name];
  if (all === undefined) return "something else lies in it, or it was unpacked twice";
  return `${all}; the benchmark is the subset curated by Huang and Li (MOS), take their archive`;
}

function compareTexture({ name, classes }: PlannedSet, scan: Scan, findings: Findings): void {
  if (classes === undefined) return;
  // DTD's classes lie in images/, however deep that is.
  const holders = new Set(scan.pictures.map(({ path }) => basename(join(path, ".."))));
  if (holders.size !== classes) {
    findings.add("warning", name, `expected pictures in ${classes} folders, one per texture, found ${holders.size}`);
  }
}

/** ImageNet's file names say their class (train) or their number (val). */
function checkFileNames({ name, kind }: PlannedSet, { pictures }: Scan, findings: Findings): void {
  if (kind === "imagenet-train") {
    const strays = pictures.filter(({ path, top }) => {
      const wnid = /^(n\d{8})_\d+\./.exec(basename(path))?.[1];
      return wnid !== undefined && /^n\d{8}$/.test(top) && wnid !== top;
    });
    const paths = strays.map(({ path }) => path);
    findings.add("error", name, "pictures lie in the folder of another class than their name says", paths);
    return;
  }
  const seen = new Map<number, string>();
  const again: string[] = [];
  for (const { path } of pictures) {
    const found = /^ILSVRC2012_val_(\d{8})(?:\.|_n\d{8}\.)/.exec(basename(path));
    if (!found) continue;
    const index = Number(found[1]);
    if (seen.has(index)) again.push(path);
    seen.set(index, path);
  }
  findings.add("error", name, "validation pictures are there twice, in two folders", again);
  // Missing ones can be named where the names are the original ones.
  if (seen.size === 0 || seen.size < pictures.length / 2) return;
  const missing: string[] = [];
  for (let i = 1; i <= 50_000; i++) {
    if (!seen.has(i)) missing.push(`ILSVRC2012_val_${String(i).padStart(8, "0")}.JPEG`);
  }
  findings.add("error", name, "validation pictures are missing", missing);
}

/** The list of ImageNet's class names against the folders. */
export async function checkClassNames(
  root: string,
  {
    list,
    scans,
    findings,
  }: { list?: string; scans: ReadonlyMap<string, { root: string; scan: Scan }>; findings: Findings },
): Promise<void> {
  const places = [root, join(root, "imagenet"), ...[...scans.values()].map((set) => join(set.root, ".."))];
  let names: Map<string, string>;
  try {
    names = await readClassNames(list ?? (await findClassNames(places)));
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    return findings.add("error", undefined, error.message);
  }
  if (names.size !== 1000) {
    findings.add("error", undefined, `expected 1,000 classes in the list of class names, found ${number(names.size)}`);
  }
  for (const [name, { scan }] of scans) {
    const unnamed = scan.folders.filter((folder) => !names.has(folder));
    findings.add("error", name, "class folders are not in the list of class names", unnamed);
    const present = new Set(scan.folders);
    const absent = [...names.keys()].filter((folder) => !present.has(folder));
    findings.add(
      "error",
      name,
      "classes of the list have no folder",
      absent.map((f) => `${f} (${names.get(f)})`),
    );
  }
  for (const warning of warnNames([...names.values()], [...names.keys()])) findings.add("hint", undefined, warning);
}
