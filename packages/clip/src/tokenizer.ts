import { unescapeHtml, unescapeHtmlLines } from "./html-unescape.js";
import { createMergeTable, cutWord, pieceOf } from "./merge-table.js";

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
const printable = /^[!-~]+$/; // bytes that stand for themselves
// Text that cleaning only lower-cases, and its pieces: the same as above for printable ASCII, without the price of Unicode's tables.
const plain = /^[!-%'-~]+(?: [!-%'-~]+)*$/;
const plainPieces = /<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^ a-z0-9]+/g;
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
  const table = createMergeTable(merges, count);
  const characters = byteCharacters();
  const ordered = [...characters].sort(); // the vocabulary lists the printable bytes first
  const singles = [...ordered, ...ordered.map((character) => character + wordEnd)];
  const ids = new Map(singles.map((symbol, id) => [symbol, id]));
  const startToken = singles.length + table.count;
  const endToken = startToken + 1;
  const vocabSize = endToken + 1;
  const bytes = new Map(characters.map((character, byte) => [character, byte]));
  const cache = new Map<string, readonly number[]>();
  let encoder: TextEncoder | undefined;

  function encodePiece(piece: string): readonly number[] {
    if (piece === "<|startoftext|>") return [startToken];
    if (piece === "<|endoftext|>") return [endToken];
    const known = cache.get(piece);
    if (known) return known;
    const stand = printable.test(piece) ? piece : standIn(piece);
    const word = stand + wordEnd;
    const found: number[] = [];
    cutWord(table, word, stand.length, (rank, begin, end) => {
      found.push(rank < 0 ? (ids.get(word.slice(begin, end)) as number) : singles.length + rank);
    });
    if (cache.size >= cachedWords) cache.clear();
    cache.set(piece, found);
    return found;
  }

  function standIn(piece: string): string {
    encoder ??= new TextEncoder();
    return Array.from(encoder.encode(piece), (byte) => characters[byte] as string).join("");
  }

  function symbolOf(id: number): string {
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize)
      throw new Error(`${id} is not a token: ids go from 0 to ${vocabSize - 1}`);
    if (id < singles.length) return singles[id] as string;
    if (id < startToken) return pieceOf(table, id - singles.length);
    return id === startToken ? "<|startoftext|>" : "<|endoftext|>";
  }

  function encode(text: string): number[] {
    const found = plain.test(text) ? text.toLowerCase().match(plainPieces) : cleanText(text).match(pieces);
    const encoded: number[] = [];
    for (const piece of found ?? []) for (const id of encodePiece(piece)) encoded.push(id);
    return encoded;
  }

  return {
    startToken,
    endToken,
    vocabSize,
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
      const text = Array.from(list, symbolOf).join("");
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

const isPrintable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);

/** GPT-2's printable stand-in for each byte: itself, or for blanks and controls the next character from U+0100. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
}
