import type { Concepts } from "./assets.js";
import { textureFamilies, type TextureFamily } from "./textures.js";

/** How many pictures of each kind. */
export interface BenchmarkSizes {
  readonly trainPerClass: number;
  readonly validationPerClass: number;
  readonly testPerClass: number;
  /** Pictures in each OOD set, in near-OOD and in never-named. */
  readonly ood: number;
}

/** One picture to be drawn: its file and either the main object or the family of the texture. */
export type PlannedPicture = { readonly file: string } & (
  | { readonly concept: string }
  | { readonly texture: TextureFamily }
);

/** A concept's name as part of a file name. */
function slug(name: string): string {
  const plain = name.normalize("NFKD").replace(/[\u0300-\u036f']/g, "");
  return plain
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

const padded = (index: number): string => String(index).padStart(4, "0");

/** Every picture of the benchmark. Classes and concepts take turns, so that all are (nearly) equally frequent. */
export function planBenchmark(concepts: Concepts, sizes: BenchmarkSizes): PlannedPicture[] {
  const plan: PlannedPicture[] = [];
  const perClass = [
    ["train", sizes.trainPerClass],
    ["val", sizes.validationPerClass],
    ["test", sizes.testPerClass],
  ] as const;
  for (const [split, count] of perClass) {
    for (const concept of concepts.id) {
      for (let i = 0; i < count; i++) plan.push({ file: `${split}/${concept}/${padded(i)}.png`, concept });
    }
  }
  const sets = Object.entries(concepts.ood).map(([set, names]) => [`ood/${set}`, names] as const);
  const objects = [...sets, ["near-ood", concepts.nearOod], ["never-named", concepts.neverNamed]] as const;
  for (const [folder, names] of objects) {
    for (let i = 0; i < sizes.ood; i++) {
      const concept = names[i % names.length]!;
      plan.push({ file: `${folder}/${padded(i)}-${slug(concept)}.png`, concept });
    }
  }
  for (let i = 0; i < sizes.ood; i++) {
    const texture = textureFamilies[i % textureFamilies.length]!;
    plan.push({ file: `ood/textures/${padded(i)}-${texture}.png`, texture });
  }
  return plan;
}
