import { type Item, sampleFewShot } from "@locoop/datasets";

/**
 * Draws shots from a list in its own order, as Dassl does from the lists of a file: classes in the order of their first picture, one generator
 * over all of them. `short` names classes that have fewer, which are taken whole.
 * Source: Dassl's `generate_fewshot_dataset`.
 */
export function drawListed(
  { classNames, items }: { classNames: readonly string[]; items: readonly Item[] },
  { shots, seed }: { shots: number; seed: number },
): { items: Item[]; short: string[] } {
  const order = [...new Set(items.map(({ label }) => label))];
  const places = new Map(order.map((label, place) => [label, place]));
  const placed = items.map((item) => ({ ...item, label: places.get(item.label)! }));
  const names = order.map((label) => classNames[label]!);
  const drawn = sampleFewShot({ classNames: names, items: placed }, { shots, seed });
  return {
    items: drawn.items.map(({ path, label }) => ({ path, label: order[label]! })),
    short: drawn.short.map(({ className, available }) => `${className} (${available})`),
  };
}
