/** What {@link idIrrelevantRegions} looks at: one picture's local cosines and the class it shows. */
export interface IdIrrelevantRegionsOptions {
  /** Cosines between the P regions and the C classes, [P,C] row-major. */
  readonly local: Float32Array | Float64Array;
  /** C. */
  readonly classes: number;
  /** Index of the class that the picture shows. */
  readonly label: number;
  /** K of the paper: a region is ID-irrelevant if the label is not among its K most similar classes. */
  readonly topK: number;
}

/**
 * Finds the ID-irrelevant regions of one picture: those whose `topK` most similar classes do not hold its label.
 *
 * A region counts as irrelevant when at least `topK` classes are strictly more similar than the label, so ties speak for the
 * label. LoCoOp (Miyai et al., NeurIPS 2023, arXiv:2306.01293), section 3.2.
 *
 * @returns a mask [P], 1 where the region is ID-irrelevant
 * @throws RangeError if the sizes, the label or `topK` do not fit
 *
 * @example
 * ```ts
 * import { idIrrelevantRegions } from "locoop";
 * const local = Float32Array.of(0.3, 0.1, 0.2, 0.1, 0.3, 0.2); // two regions, three classes
 * console.log(idIrrelevantRegions({ local, classes: 3, label: 0, topK: 1 })); // Uint8Array [0, 1]
 * ```
 */
export function idIrrelevantRegions({ local, classes, label, topK }: IdIrrelevantRegionsOptions): Uint8Array {
  if (!Number.isInteger(classes) || classes < 1 || local.length % classes !== 0)
    throw new RangeError(
      `idIrrelevantRegions: expected [P,C] cosines with C = classes, got ${local.length} values for ${classes} classes`,
    );
  if (!Number.isInteger(label) || label < 0 || label >= classes)
    throw new RangeError(`idIrrelevantRegions: label must be a class index 0..${classes - 1}, got ${label}`);
  if (!Number.isInteger(topK) || topK < 1)
    throw new RangeError(`idIrrelevantRegions: topK must be a positive integer, got ${topK}`);
  const mask = new Uint8Array(local.length / classes); // [P]
  for (let region = 0; region < mask.length; region++) {
    const row = local.subarray(region * classes, (region + 1) * classes);
    const own = row[label]!;
    let greater = 0;
    for (const cosine of row) if (cosine > own) greater++;
    mask[region] = greater >= topK ? 1 : 0;
  }
  return mask;
}
