import { basename, join } from "node:path";
import { listEntries } from "../listing.js";
import { oodLayout } from "../ood-benchmarks.js";
import type { PlannedSet } from "./plan.js";
import type { Findings } from "./report.js";
import { isArchive, type Scan } from "./scan.js";

const wnid = /^n\d{8}$/;

const list = async (folder: string): Promise<{ folders: string[]; files: string[] }> =>
  listEntries(folder).catch(() => ({ folders: [], files: [] }));

/** What a set's own folder tells: one level too deep, archives, files of the desktop, links. */
export function hintAtSet({ name, kind, root = "" }: PlannedSet, scan: Scan, findings: Findings): void {
  const [only] = scan.folders;
  const inner = only === undefined ? [] : (scan.inner.get(only) ?? []);
  if (scan.folders.length === 1 && only !== undefined && inner.length > 1 && kind !== "ood") {
    const deeper = join(root, only);
    findings.add("hint", name, `the class folders seem to lie one level deeper: name that folder, or move them up`, [
      deeper,
    ]);
  } else if (scan.folders.length === 1 && only?.toLowerCase() === basename(root).toLowerCase()) {
    findings.add("hint", name, "a folder holds one of the same name: it was unpacked one level too deep", [
      join(root, only),
    ]);
  }
  const parts = ["train", "training", "val", "valid", "validation", "test"];
  if (kind === "classes" && scan.folders.length > 1 && scan.folders.every((f) => parts.includes(f.toLowerCase()))) {
    findings.add("hint", name, "these are parts of a data set, not classes: name one of them", scan.folders);
  }
  const archives = scan.archives.filter((path) => isArchive(path));
  findings.add("hint", name, `archives are not unpacked${archiveAdvice(archives)}`, archives);
  const litter =
    "files left by a desktop (._*, .DS_Store, Thumbs.db, __MACOSX) are not seen here but trip other tools: remove them";
  findings.add("hint", name, litter, scan.litter);
  findings.add("warning", name, "links lead back to a folder above: they are not followed", scan.loops);
  for (const [ending, paths] of scan.others) {
    if (ending === ".bmp" || ending === ".heic" || ending === ".jfif" || ending === ".ppm") {
      findings.add("warning", name, `${ending} files are not taken for pictures: save them as JPEG or PNG`, paths);
    } else if (ending !== ".txt" && ending !== ".json") {
      findings.add("hint", name, `files ending in ${ending} are not taken for pictures`, paths);
    }
  }
}

const archiveAdvice = (archives: readonly string[]): string =>
  archives.filter((path) => wnid.test(basename(path).slice(0, 9))).length > 1
    ? ": unpack each of them into a folder of its name"
    : ": unpack them";

/** Names under which people keep the four sets. */
const aliases: Record<string, readonly RegExp[]> = {
  iNaturalist: [/^inat/i],
  SUN: [/^sun/i],
  Places: [/^places?/i],
  Texture: [/^textures?/i, /^dtd/i],
};

/** Where a set that is missing may lie instead. */
export async function hintAtMissing(root: string, missing: readonly PlannedSet[], findings: Findings): Promise<void> {
  if (missing.length === 0) return;
  const top = await list(root);
  const deeper = await Promise.all(
    top.folders.slice(0, 30).map(async (name) => [name, await list(join(root, name))] as const),
  );
  const imagenet = missing.filter(({ kind }) => kind !== "ood");
  for (const { name } of missing.filter(({ kind }) => kind === "ood")) {
    const wanted = oodLayout.find((set) => set.name === name)?.folders[0]?.split("/")[0] ?? name;
    const like = (folder: string): boolean => (aliases[name] ?? []).some((pattern) => pattern.test(folder));
    const here = top.folders.filter(like);
    findings.add("hint", name, `perhaps another folder is meant: it must be called ${wanted}, in this case`, here);
    const inside = deeper.flatMap(([folder, { folders }]) =>
      folders.filter(like).map((found) => join(root, folder, found)),
    );
    if (here.length === 0)
      findings.add("hint", name, `it seems to lie one level deeper: name the folder above it`, inside);
    findings.add(
      "hint",
      name,
      "its archive is not unpacked",
      top.files.filter((file) => isArchive(file) && like(file)),
    );
  }
  if (imagenet.length === 0) return;
  const found = await findClassFolders(root);
  const names = imagenet.map(({ name }) => name).join(" and ");
  findings.add(
    "hint",
    undefined,
    `class folders of ImageNet lie elsewhere: link or move them to images/train and images/val (${names})`,
    found,
  );
  const archives = [top, ...deeper.map(([, entries]) => entries)]
    .flatMap(({ files }) => files)
    .filter((file) => /^ILSVRC.*\.(tar|zip|gz|tgz)/i.test(file));
  findings.add("hint", undefined, "archives of ImageNet are not unpacked", archives);
  const wrong = ["imagenet", "images"].flatMap((name) =>
    [...top.folders, ...deeper.flatMap(([, { folders }]) => folders)].filter(
      (folder) => folder !== name && folder.toLowerCase() === name,
    ),
  );
  findings.add("hint", undefined, "folders are named in another case than expected (imagenet, images): rename them", [
    ...new Set(wrong),
  ]);
}

/** Folders up to four levels down that hold several folders named like WordNet ids; few are looked at. */
async function findClassFolders(root: string): Promise<string[]> {
  const found: string[] = [];
  let level = [root];
  for (let depth = 0; depth < 5 && level.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of level.slice(0, 100)) {
      const { folders } = await list(folder);
      if (folders.filter((name) => wnid.test(name)).length > 1) found.push(folder);
      else next.push(...folders.slice(0, 30).map((name) => join(folder, name)));
    }
    level = next;
  }
  return found;
}
