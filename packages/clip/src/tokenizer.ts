import { unescapeHtml, unescapeHtmlLines } from "./html-unescape.js";

/** CLIP's text tokenizer: byte-pair encoding of lower-cased text. */
export interface Tokenizer {
  /** The id that begins every text. */
  readonly startToken: number;
  /** The id that ends every text, the largest of all. */
  readonly endToken: number;
  /** The count of ids: rows of a model's token embedding. */
  readonly vocabSize: number;
  /** The ids of a text, without start and end. */
  encode(text: string): number[];
  /** The ids of a text with start and end, padded with 0 to `contextLength` (77). Too long a text throws, or is cut with `truncate`. */
  tokenize(text: string, options?: { contextLength?: number; truncate?: boolean }): Int32Array;
  /** The text of ids, with a blank after every word. */
  decode(ids: ArrayLike<number>): string;
}

// Python's `\s` in the package regex is Unicode's White_Space; JavaScript's `\s` differs in U+0085 and U+FEFF.
const space = "\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const spaces = new RegExp(`[${space}]+`, "gu");
// `str.strip` also takes the four separators U+001C to U+001F.
const edges = new RegExp(`^[${space}\\u001c-\\u001f]+|[${space}\\u001c-\\u001f]+$`, "gu");
// The reference ignores case here; after lower-casing only the long s (U+017F) is left to fold.
const pieces = new RegExp(
  `<\\|startoftext\\|>|<\\|endoftext\\|>|'[sſ]|'t|'re|'ve|'m|'ll|'d|\\p{L}+|\\p{N}|[^${space}\\p{L}\\p{N}]+`,
  "gu",
);
const wordEnd = "</w>";
const cachedWords = 20_000;

/**
 * Builds CLIP's tokenizer from its merges, one a line as `@locoop/clip/merges` has them. With `count` only the first merges are
 * used: a model whose token embedding has 514 + N rows needs N. Text is cleaned as the reference does (HTML references,
 * white space, lower case), but without the repair of wrongly decoded text, full-width letters and curly quotes by `ftfy`.
 * Throws when there are fewer merges than `count`, or a line is no merge. Source: openai/CLIP `clip/simple_tokenizer.py`.
 *
 * @example
 * ```ts
 * import { createTokenizer } from "@locoop/clip";
 * import { merges } from "@locoop/clip/merges";
 *
 * const tokenizer = createTokenizer({ merges });
 * console.log(tokenizer.encode("a photo of a cat.")); // → 320,1125,539,320,2368,269
 * ```
 */
export function createTokenizer({ merges, count }: { merges: string | readonly string[]; count?: number }): Tokenizer {
  const all = typeof merges === "string" ? merges.trimEnd().split("\n") : merges;
  const used = count ?? all.length;
  if (!Number.isSafeInteger(used) || used < 0 || used > all.length) {
    throw new Error(
      `the tokenizer needs ${used} merges, the table has ${all.length}; pass the table the model was made with`,
    );
  }
  const characters = byteCharacters();
  const ordered = [...characters].sort(); // the vocabulary lists the printable bytes first
  const symbols = [...ordered, ...ordered.map((character) => character + wordEnd)];
  const ranks = new Map<string, number>();
  for (let i = 0; i < used; i++) {
    const pair = all[i] as string;
    const blank = pair.indexOf(" ");
    if (blank < 1 || blank !== pair.lastIndexOf(" "))
      throw new Error(`merge ${i + 1} is "${pair}"; expected two pieces and a blank`);
    ranks.set(pair, i);
    symbols.push(pair.slice(0, blank) + pair.slice(blank + 1));
  }
  const startToken = symbols.push("<|startoftext|>") - 1;
  const endToken = symbols.push("<|endoftext|>") - 1;
  const ids = new Map(symbols.map((symbol, id) => [symbol, id]));
  const bytes = new Map(characters.map((character, byte) => [character, byte]));
  const cache = new Map<string, readonly number[]>();
  const encoder = new TextEncoder();

  function encodePiece(piece: string): readonly number[] {
    if (piece === "<|startoftext|>") return [startToken];
    if (piece === "<|endoftext|>") return [endToken];
    const known = cache.get(piece);
    if (known) return known;
    const word = Array.from(encoder.encode(piece), (byte) => characters[byte] as string);
    word.push((word.pop() as string) + wordEnd);
    const found = merge(word, ranks).map((symbol) => ids.get(symbol) as number);
    if (cache.size >= cachedWords) cache.clear();
    cache.set(piece, found);
    return found;
  }

  const encode = (text: string): number[] => (cleanText(text).match(pieces) ?? []).flatMap(encodePiece);

  return {
    startToken,
    endToken,
    vocabSize: symbols.length,
    encode,
    tokenize(text, { contextLength = 77, truncate = false } = {}) {
      const found = [startToken, ...encode(text), endToken];
      if (found.length > contextLength) {
        if (!truncate) {
          const shown = text.length > 50 ? `${text.slice(0, 50)}...` : text;
          throw new Error(
            `"${shown}" has ${found.length} tokens with start and end, the model reads ${contextLength}; shorten it`,
          );
        }
        found.length = contextLength;
        found[contextLength - 1] = endToken;
      }
      const padded = new Int32Array(contextLength);
      padded.set(found);
      return padded;
    },
    decode(list) {
      const text = Array.from(list, (id) => {
        const symbol = symbols[id];
        if (symbol === undefined) throw new Error(`${id} is not a token: ids go from 0 to ${symbols.length - 1}`);
        return symbol;
      }).join("");
      const raw = Uint8Array.from(text, (character) => bytes.get(character) as number);
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(raw).replaceAll(wordEnd, " ");
    },
  };
}

/** The reference's `basic_clean`, `whitespace_clean` and lower case; of `ftfy` only its step for HTML. */
function cleanText(text: string): string {
  const plain = unescapeHtml(unescapeHtml(unescapeHtmlLines(text))).replace(edges, "");
  return plain.replace(spaces, " ").replace(edges, "").toLowerCase();
}

/** Joins the neighbours of lowest rank, everywhere they stand, until no two neighbours are a merge. */
function merge(word: string[], ranks: ReadonlyMap<string, number>): string[] {
  for (;;) {
    let best = Infinity;
    let at = -1;
    for (let i = 0; i + 1 < word.length; i++) {
      const rank = ranks.get(`${word[i]} ${word[i + 1]}`) ?? Infinity;
      if (rank < best) {
        best = rank;
        at = i;
      }
    }
    if (at < 0) return word;
    const [first, second] = [word[at] as string, word[at + 1] as string];
    const joined: string[] = [];
    for (let i = 0; i < word.length; i++) {
      if (word[i] === first && word[i + 1] === second) {
        joined.push(first + second);
        i++;
      } else {
        joined.push(word[i] as string);
      }
    }
    word = joined;
  }
}

const isPrintable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);

/** GPT-2's printable stand-in for each byte: itself, or for blanks and controls the next character from U+0100. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
}
