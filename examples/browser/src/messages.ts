// What page and worker say to each other: plain data, and the files that a user picked.

/** Which weights, and on what to compute: "auto" is WebGPU for large weights where there is an adapter, else WebAssembly. */
export interface ModelChoice {
  readonly device: "auto" | "webgpu" | "wasm";
  /** Files from disk, an address, or neither: the embedded model. */
  readonly files?: readonly File[];
  readonly url?: string;
}

/** A model that is open. */
export interface ModelInfo {
  readonly name: string;
  /** In words: what computes, and with how many threads. */
  readonly engine: string;
  readonly device: "webgpu" | "wasm";
  readonly imageSize: number;
  /** Regions along a side of a picture. */
  readonly grid: number;
  readonly template: string;
  readonly notices: readonly string[];
}

/** Where the model looked at a picture: a square, in pixels of the picture. */
export interface Square {
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** A picture that was decoded and encoded. */
export interface PictureInfo {
  readonly width: number;
  readonly height: number;
  readonly square: Square;
  /** Milliseconds that the image tower took. */
  readonly milliseconds: number;
}

/** By what pictures are judged: words with `{}` for the name, or a trained prompt's file. */
export type Prompt =
  | { readonly kind: "template"; readonly text: string }
  | { readonly kind: "trained"; readonly bytes: Uint8Array };

/** What the worker says of one picture. */
export interface Verdict {
  readonly id: string;
  readonly label: number;
  /** Probability among the known classes, 0 to 1. */
  readonly confidence: number;
  readonly mcm: number;
  readonly glmcm: number;
  /** Cosine of the picture with every class [C]. */
  readonly cosines: Float32Array;
  /** Cosines of the regions with every class [P,C]. */
  readonly local: Float32Array;
  /** 1 where a region has nothing to do with the class [P]. */
  readonly irrelevant: Uint8Array;
}

/** Which training: everything that decides its numbers. */
export interface TrainRequest {
  readonly classNames: readonly string[];
  /** The class of each picture, and where to find it. */
  readonly pictures: readonly { readonly name: string; readonly label: number; readonly file: Blob }[];
  readonly shots: number;
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly lambda: number;
  readonly topK: number;
  readonly contexts: number;
  /** A training that was cut off, to go on with. */
  readonly resume?: Uint8Array;
}

/** How far a training is. */
export interface TrainProgress {
  readonly done: number;
  readonly total: number;
  readonly loss: number;
  readonly crossEntropy: number;
  readonly regularization: number;
  readonly learningRate: number;
  /** At the end of an epoch: what to go on from. */
  readonly checkpoint?: Uint8Array;
}

/** What a training leaves. */
export interface Trained {
  /** A safetensors file, as the command line writes and reads it. */
  readonly prompt: Uint8Array;
  readonly thresholds: { readonly mcm: number; readonly glmcm: number };
  readonly origin: "left-over" | "shots";
  /** How many pictures the thresholds were calibrated on, and how many were trained on. */
  readonly calibrated: number;
  readonly trained: number;
  readonly seconds: number;
}

/** A prompt that was opened from a file. */
export interface OpenedPrompt {
  /** In words: how many contexts, and where the class name stands. */
  readonly words: string;
  /** What this page writes beside a prompt that it trains; other programs do not. */
  readonly classNames: readonly string[];
  readonly thresholds?: { readonly mcm: number; readonly glmcm: number };
  /** On how many pictures the thresholds were calibrated, and on which. */
  readonly calibrated?: number;
  readonly origin?: Trained["origin"];
}

/** A picture that the page drew, bytes [H,W,3]. */
export interface DrawnPicture {
  readonly name: string;
  /** The class, or what it is instead. */
  readonly className: string;
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Drawn pictures to try the page with. */
export interface Samples {
  readonly classNames: readonly string[];
  /** Of the classes. */
  readonly known: readonly DrawnPicture[];
  /** Half of the classes, half of other things. */
  readonly unseen: readonly DrawnPicture[];
}

/** A comparison on the drawn benchmark: how large, and how the learners are trained. */
export interface CompareRequest {
  readonly classes: number;
  readonly shots: number;
  readonly seed: number;
  readonly epochs: number;
  readonly lambda: number;
  /** Test pictures of the classes, and of each set of others. */
  readonly pictures: number;
}

/** One score of one method. */
export interface ComparedScore {
  readonly score: "mcm" | "glmcm";
  /** By set of other pictures, 0 to 1. */
  readonly sets: readonly { readonly name: string; readonly auroc: number; readonly fpr: number }[];
  /** Classes against all others, 0 to 1. */
  readonly roc: { readonly fpr: readonly number[]; readonly tpr: readonly number[] };
}

/** What a comparison found of one method. */
export interface ComparedMethod {
  readonly name: string;
  readonly accuracy: number;
  readonly scores: readonly ComparedScore[];
}

/** What a comparison found. */
export interface Comparison {
  readonly methods: readonly ComparedMethod[];
  /** Test pictures with the regions that each method finds irrelevant for their class [P], and where the model looked. */
  readonly regions: readonly {
    readonly picture: DrawnPicture;
    readonly masks: readonly Uint8Array[];
    readonly square: Square;
  }[];
  readonly classNames: readonly string[];
  readonly seconds: number;
}

/** Every call: what goes in, what comes back, what comes in between. */
export interface Calls {
  open: { input: ModelChoice; output: ModelInfo; progress: { readonly done: number; readonly total: number } };
  add: {
    input: { readonly id: string; readonly file: Blob; readonly name: string };
    output: PictureInfo;
    progress: never;
  };
  forget: { input: { readonly ids: readonly string[] }; output: null; progress: never };
  judge: {
    input: { readonly ids: readonly string[]; readonly classNames: readonly string[]; readonly prompt: Prompt };
    output: readonly Verdict[];
    progress: never;
  };
  prompt: { input: { readonly bytes: Uint8Array; readonly name: string }; output: OpenedPrompt; progress: never };
  samples: {
    input: { readonly seed: number; readonly perClass: number };
    output: Samples;
    progress: never;
  };
  compare: {
    input: CompareRequest;
    output: Comparison;
    progress: { readonly stage: string; readonly done: number; readonly total: number };
  };
  train: { input: TrainRequest; output: Trained; progress: TrainProgress };
}

export type CallName = keyof Calls;

/** From the page: a call, or the wish that one ends. */
export type Request =
  | { readonly id: number; readonly call: CallName; readonly input: Calls[CallName]["input"] }
  | { readonly id: number; readonly stop: true };

/** From the worker: what came of a call, or that the graphics device was lost and which model it went on with. */
export type Reply =
  | { readonly lost: ModelInfo }
  | { readonly id: number; readonly progress: Calls[CallName]["progress"] }
  | { readonly id: number; readonly output: Calls[CallName]["output"] }
  | { readonly id: number; readonly error: string; readonly stopped: boolean };
