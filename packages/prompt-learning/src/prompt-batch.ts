import type { Floats, PromptBatch, Tokenizer } from "@locoop/clip";
import * as tf from "@tensorflow/tfjs";
import type { LearnerContext } from "./learner.js";

/** One class's prompt as token ids: from the start token to the end token, not padded. */
export interface TokenizedPrompt {
  readonly ids: readonly number[];
  /** Index of the token whose feature is the class's: the first maximum of the ids, as CLIP takes it. */
  readonly end: number;
  /** Tokens of the name alone. Where the name ends in punctuation, the prompt joins its last piece with what follows. */
  readonly nameLength: number;
}

/** What stands at one position of a prompt: a token id (0 or more), or context j as -1 - j. */
export type Slot = number;

/** A slot that holds learned context `index`. */
export function contextSlot(index: number): Slot {
  return -1 - index;
}

/** Writes each class name, underscores as spaces, into its prompt and tokenises the whole; too long a prompt is an error naming its class. */
export function tokenizePrompts(
  { classNames, tokenizer, contextLength }: Pick<LearnerContext, "classNames" | "tokenizer" | "contextLength">,
  write: (name: string) => string,
): TokenizedPrompt[] {
  return classNames.map((className) => {
    const name = className.replaceAll("_", " ");
    const ids = withMarks(tokenizer, write(name));
    if (ids.length > contextLength) {
      throw new Error(
        `The prompt of class "${className}" has ${ids.length} tokens and the text tower takes ${contextLength}; ` +
          "shorten the class name or use fewer contexts.",
      );
    }
    const end = ids.indexOf(ids.reduce((a, b) => Math.max(a, b)));
    return { ids, end, nameLength: tokenizer.encode(name).length };
  });
}

/** Token ids of a text between start and end token. */
export function withMarks(tokenizer: Tokenizer, text: string): number[] {
  return [tokenizer.startToken, ...tokenizer.encode(text), tokenizer.endToken];
}

/** Prompts laid out for the text tower: slots all classes begin with, and each class's own up to the last end token. */
export interface Layout {
  readonly shared: readonly Slot[]; // [N]
  readonly own: readonly (readonly Slot[])[]; // [C][S]
  readonly end: Int32Array; // [C], indices in own
}

/**
 * Splits the classes' slots into the beginning that all share and the rest. The end tokens stay in the rest, what
 * follows the last of them is dropped (the causal mask hides it), shorter prompts are padded with token 0.
 */
export function layOut(prompts: readonly { slots: readonly Slot[]; end: number }[], contextsShared: boolean): Layout {
  const first = prompts[0]!.slots;
  const firstEnd = Math.min(...prompts.map(({ end }) => end));
  const differs = (slot: Slot, at: number): boolean =>
    at >= firstEnd || (slot < 0 && !contextsShared) || prompts.some(({ slots }) => slots[at] !== slot);
  const length = first.findIndex(differs);
  const lastEnd = Math.max(...prompts.map(({ end }) => end));
  const own = prompts.map(({ slots }) =>
    Array.from({ length: lastEnd + 1 - length }, (_, i) => slots[length + i] ?? 0),
  );
  return { shared: first.slice(0, length), own, end: Int32Array.from(prompts, ({ end }) => end - length) };
}

/** Builds `PromptBatch`es of one layout, from contexts [n,D] shared by the classes or [C,n,D] of their own. */
export interface PromptAssembly {
  assemble(contexts?: tf.Tensor): PromptBatch<tf.Tensor>;
  dispose(): void;
}

/** Embeds a layout's tokens once; `assemble` then puts the contexts into their slots by differentiable operations. */
export function createAssembly(
  { shared, own, end }: Layout,
  { embedTokens, width }: Pick<LearnerContext, "embedTokens" | "width">,
  contexts = 0,
): PromptAssembly {
  const classes = own.length;
  const length = own[0]!.length;
  const ownSlots = own.flat();
  // Contexts in `own` stand at other places in each class, so they are placed by a product with zeros and ones: exact
  // in float32, and differentiable on every backend (gather is not, on wasm). Token rows there are zero, and added.
  const placed = ownSlots.some((slot) => slot < 0);
  const constants = tf.tidy(() => ({
    shared: embedSlots(shared, embedTokens, width), // [N, D]
    own: embedSlots(ownSlots, embedTokens, width).reshape([classes, length, width]), // [C, S, D]
    places: placed ? tf.tensor(placement(ownSlots, contexts), [classes, length, contexts]) : undefined, // [C, S, n]
  }));
  return {
    assemble: (given) =>
      tf.tidy(() => {
        const sharedRows = given ? fillRuns(constants.shared, shared, given) : constants.shared.clone();
        if (!given || !constants.places) return { shared: sharedRows, own: constants.own.clone(), end };
        const rows =
          given.rank === 3
            ? tf.matMul(constants.places, given)
            : tf
                .matMul(constants.places.reshape([classes * length, contexts]), given)
                .reshape([classes, length, width]);
        return { shared: sharedRows, own: constants.own.add(rows), end };
      }),
    dispose: () => tf.dispose([constants.shared, constants.own, ...(constants.places ? [constants.places] : [])]),
  };
}

function embedSlots(slots: readonly Slot[], embedTokens: LearnerContext["embedTokens"], width: number): tf.Tensor {
  const rows = Float32Array.from(embedTokens(slots.map((slot) => Math.max(slot, 0))).data); // [L, D]
  slots.forEach((slot, i) => slot < 0 && rows.fill(0, i * width, (i + 1) * width));
  return tf.tensor(rows, [slots.length, width]);
}

function placement(slots: readonly Slot[], contexts: number): Float32Array {
  const places = new Float32Array(slots.length * contexts);
  slots.forEach((slot, i) => slot < 0 && (places[i * contexts - 1 - slot] = 1));
  return places;
}

/** Replaces each run of consecutive contexts in the shared rows [N,D] by a slice of the contexts [n,D]. */
function fillRuns(rows: tf.Tensor, slots: readonly Slot[], contexts: tf.Tensor): tf.Tensor {
  const width = rows.shape[1]!;
  const pieces: tf.Tensor[] = [];
  for (let from = 0; from < slots.length;) {
    const slot = slots[from]!;
    let to = from + 1;
    while (to < slots.length && (slot < 0 ? slots[to] === slot - (to - from) : slots[to]! >= 0)) to++;
    pieces.push(
      slot < 0 ? contexts.slice([-1 - slot, 0], [to - from, width]) : rows.slice([from, 0], [to - from, width]),
    );
    from = to;
  }
  return tf.concat(pieces, 0);
}

/** Reads a tensor's values with its shape, and disposes it. */
export async function takeFloats(tensor: tf.Tensor): Promise<Floats> {
  try {
    return { data: (await tensor.data()) as Float32Array, shape: tensor.shape };
  } finally {
    tensor.dispose();
  }
}
