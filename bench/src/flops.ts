// Floating-point operations that a tower needs: 2 m n k of every matrix product whose result is used, nothing else. What is
// computed without need (padding, queries of the last block that nobody reads) does not count; norms and activations neither.

interface Transformer {
  readonly width: number;
  readonly layers: number;
}

const product = (m: number, n: number, k: number): number => 2 * m * n * k;

/** The four matrices of a block for `tokens` rows: q, k, v and out take 4 width x width, the hidden layer 8. */
const wholeBlock = (tokens: number, width: number): number => product(tokens, 12 * width, width);

/** One picture through a vision transformer; the last block is needed for the class token, its value path for `local` regions. */
export function imageFlops({
  width,
  layers,
  regions,
  patchPixels,
  embed,
  local,
}: Transformer & { regions: number; patchPixels: number; embed: number; local: boolean }): number {
  const tokens = regions + 1;
  const attention = (queries: number): number => 2 * product(queries, tokens, width);
  const patches = product(regions, width, patchPixels);
  const blocks = (layers - 1) * (wholeBlock(tokens, width) + attention(tokens));
  // Last block: keys and values of all, the query of one; then out and hidden layer of one; projection.
  const summary =
    product(tokens, 2 * width, width) + product(1, 10 * width, width) + attention(1) + product(1, embed, width);
  const path = local ? product(regions, 9 * width, width) + product(regions, embed, width) : 0;
  return patches + blocks + summary + path;
}

/**
 * Prompts through a text transformer, forward and, with `gradient`, back to all prompt embeddings. The shared beginning counts
 * once, own tokens count up to each end token, attention looks at earlier tokens only. The way back is one product for
 * each with a weight, and two for each of attention's two.
 */
export function textFlops({
  width,
  layers,
  embed,
  shared,
  own,
  gradient,
}: Transformer & { embed: number; shared: number; own: readonly number[]; gradient: boolean }): number {
  const classes = own.length;
  const ownTokens = own.reduce((a, b) => a + b, 0);
  const triangle = (n: number): number => (n * (n + 1)) / 2;
  const ownPairs = own.reduce((sum, length) => sum + length * shared + triangle(length), 0);
  const endPairs = own.reduce((sum, length) => sum + shared + length, 0);
  const linear =
    (layers - 1) * wholeBlock(shared + ownTokens, width) +
    product(shared + ownTokens, 2 * width, width) + // last block: keys and values of all
    product(classes, 10 * width, width) + // and the rest for end tokens
    product(classes, embed, width);
  const pairs = (layers - 1) * (ownPairs + triangle(shared)) + endPairs;
  const attention = 2 * product(pairs, 1, width);
  return gradient ? 2 * linear + 3 * attention : linear + attention;
}

/** The training head: cosines of pictures and their regions with the classes, and their gradient by the classes alone. */
export function headFlops({ rows, classes, embed }: { rows: number; classes: number; embed: number }): number {
  return 2 * product(rows, classes, embed);
}
