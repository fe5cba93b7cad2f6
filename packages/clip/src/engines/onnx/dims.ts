import { sameDim, type Dim } from "../../ops.js";

/**
 * A size that is known at run time only: a polynomial in the symbols of a program's inputs, such as B*L or N+S, from its monomials
 * ("B*L", sorted factors; "" is the constant) to their coefficients. A `Dim` carries it as text, so that equal sizes are equal text.
 */
type Polynomial = ReadonlyMap<string, number>;

function parse(dim: Dim): Polynomial {
  if (typeof dim === "number") return new Map(dim === 0 ? [] : [["", dim]]);
  return new Map(
    dim.symbol.split("+").map((term): [string, number] => {
      const factors = term.split("*");
      const leading = Number(factors[0]);
      return Number.isNaN(leading) ? [term, 1] : [factors.slice(1).join("*"), leading];
    }),
  );
}

function print(terms: Polynomial): Dim {
  const shown = [...terms].filter(([, count]) => count !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  if (shown.every(([factors]) => factors === "")) return shown[0]?.[1] ?? 0;
  return {
    symbol: shown
      .map(([factors, count]) => (factors === "" ? `${count}` : count === 1 ? factors : `${count}*${factors}`))
      .join("+"),
  };
}

const factorsOf = (monomial: string): string[] => (monomial === "" ? [] : monomial.split("*"));

/** The size of things joined. */
export function addDims(dims: readonly Dim[]): Dim {
  const sum = new Map<string, number>();
  for (const dim of dims) for (const [term, count] of parse(dim)) sum.set(term, (sum.get(term) ?? 0) + count);
  return print(sum);
}

/** The size of axes joined to one. */
export function multiplyDims(dims: readonly Dim[]): Dim {
  let product: Polynomial = new Map([["", 1]]);
  for (const dim of dims) {
    const next = new Map<string, number>();
    for (const [a, m] of product) {
      for (const [b, n] of parse(dim)) {
        const term = [...factorsOf(a), ...factorsOf(b)].sort().join("*");
        next.set(term, (next.get(term) ?? 0) + m * n);
      }
    }
    product = next;
  }
  return print(product);
}

/** What is left of a size when others are taken out, as for the -1 of a reshape; `undefined` where that is no whole size. */
export function divideDims(total: Dim, by: Dim): Dim | undefined {
  if (sameDim(total, by)) return 1;
  const [divisor, ...more] = parse(by);
  if (divisor === undefined || more.length > 0) return undefined;
  const quotient = new Map<string, number>();
  for (const [term, count] of parse(total)) {
    const left = factorsOf(term);
    for (const factor of factorsOf(divisor[0])) {
      const at = left.indexOf(factor);
      if (at < 0) return undefined;
      left.splice(at, 1);
    }
    if (count % divisor[1] !== 0) return undefined;
    quotient.set(left.join("*"), count / divisor[1]);
  }
  return print(quotient);
}

/** A size as sums of products of symbols: `[{ count, symbols }]`. */
export function termsOf(dim: Dim): readonly { readonly count: number; readonly symbols: readonly string[] }[] {
  return [...parse(dim)].map(([term, count]) => ({ count, symbols: factorsOf(term) }));
}

/** The number that a size is where the symbols have these values. */
export function valueOf(dim: Dim, values: ReadonlyMap<string, number>): number {
  return termsOf(dim).reduce(
    (sum, { count, symbols }) =>
      sum +
      symbols.reduce((product, symbol) => {
        const value = values.get(symbol);
        if (value === undefined) throw new Error(`expected a size for ${symbol}, which no input has`);
        return product * value;
      }, count),
    0,
  );
}
