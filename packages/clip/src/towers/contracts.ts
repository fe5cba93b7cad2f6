import type { Floats } from "../floats.js";

/** What both towers of a CLIP return for pictures, not L2-normalised: global [B,E] and, where asked for, local [B,P,E]. */
export interface ImageFeatures {
  readonly global: Floats;
  readonly local?: Floats;
}

/** Prompts as token embeddings without positions: `shared` [N,D] begins every prompt, `own` [C,S,D] follows it, `end` [C] is each end token's index in `own`. */
export interface PromptBatch<A> {
  readonly shared: A;
  readonly own: A;
  readonly end: Int32Array;
}

/** Class features [C,E], not normalised, and the pullback of their gradient to the prompts; `pullback` may be called once, `dispose` always. */
export interface Encoded {
  readonly features: Floats;
  /** Takes the gradient [C,E] of the features back to `shared` [N,D], summed over classes, and `own` [C,S,D], zero after each end token. */
  pullback(gradient: Float32Array): Promise<{ shared: Float32Array; own: Float32Array }>;
  /** Releases what was kept for `pullback`. */
  dispose(): void;
}

/** The frozen text tower as a function with a pullback. */
export interface TextTower {
  /** Encodes classes in chunks of bounded memory; `gradient` keeps or recomputes what `pullback` needs, `signal` stops between chunks. */
  encode(prompts: PromptBatch<Floats>, options: { gradient: boolean; signal?: AbortSignal }): Promise<Encoded>;
}

/** The frozen image tower. Pixels are uint8 RGB [B,S,S,3] in row order (normalised inside) or already normalised floats [B,3,S,S]. */
export interface ImageTower {
  /** Encodes a batch; `local` adds the region features. */
  encode(pixels: { data: Uint8Array; batch: number } | Floats, options?: { local?: boolean }): Promise<ImageFeatures>;
}

/** Cosines of pictures with classes, global [B,C] and, where the pictures have regions, local [B,P,C]; `pullback` may be called once, `dispose` always. */
export interface Compared {
  readonly global: Floats;
  readonly local?: Floats;
  /** Takes the gradients of the cosines, as many numbers as these are, back to the classes: [C,E]. */
  pullback(gradients: { readonly global: Float32Array; readonly local?: Float32Array }): Promise<Float32Array>;
  /** Releases what was kept for `pullback`. */
  dispose(): void;
}

/** How alike pictures and classes are, in the towers' engine. */
export interface Similarity {
  /** Compares features that need not be normalised; `gradient` keeps what `pullback` needs. */
  compare(images: ImageFeatures, classes: Floats, options: { gradient: boolean }): Promise<Compared>;
}
