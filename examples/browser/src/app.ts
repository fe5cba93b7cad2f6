import type { Client } from "./client.js";
import type { ModelInfo, Trained } from "./messages.js";

/** A prompt that was trained here or opened from a file, and what belongs to it. */
export interface TrainedPrompt extends Pick<Trained, "prompt"> {
  /** A sentence on what it is. */
  readonly name: string;
  /** Empty if the file does not say them. */
  readonly classNames: readonly string[];
  readonly thresholds?: Trained["thresholds"];
  /** Where the thresholds come from, a sentence. */
  readonly note: string;
}

/** What the parts of the page share. */
export interface App {
  readonly client: Client;
  /** The open model; undefined until there is one. */
  model(): ModelInfo | undefined;
  /** Keeps something in the browser; undefined removes it. */
  keep(name: string, value: unknown): void;
}

/** A picture as the page keeps it. */
export interface KeptPicture {
  readonly id: string;
  readonly name: string;
  readonly file: Blob;
}

let count = 0;

/** An id that no other picture of this or an earlier visit has. */
export const newId = (): string => `${Date.now().toString(36)}-${(count++).toString(36)}`;
