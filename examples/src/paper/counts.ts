import { expectedCounts, imageNet, type Dataset, type OodSet, oodBenchmarks } from "@locoop/datasets";

/** The pictures that the table is measured on. */
export interface PaperData {
  readonly val: Dataset;
  readonly sets: readonly OodSet[];
  /** What is not as in the paper, one line each. */
  readonly differences: readonly string[];
}

/** Lists ImageNet's validation pictures and the four sets, and compares their numbers with the paper's. */
export async function openPaperData(data: string, { classNames }: { classNames?: string }): Promise<PaperData> {
  const val = await imageNet(data, { split: "val", classNames });
  const sets = await oodBenchmarks(data);
  const found = new Map([
    ["imagenet/val", val.items.length],
    ...sets.map(({ name, items }) => [name, items.length] as const),
  ]);
  const differences = Object.entries(expectedCounts)
    .filter(([name, expected]) => found.get(name) !== expected)
    .map(([name, expected]) => `${name}: expected ${expected} pictures, found ${found.get(name) ?? "no folder"}`);
  if (val.classNames.length !== 1000)
    differences.push(`imagenet/val: expected 1000 classes, found ${val.classNames.length}`);
  return { val, sets, differences };
}
