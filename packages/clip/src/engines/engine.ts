import type { Floats } from "../floats.js";
import type { Dim, Ops } from "../ops.js";

/** Bytes with a shape, row-major; a tower sees their values 0 to 255 as floats. */
export interface Bytes {
  readonly data: Uint8Array;
  readonly shape: readonly number[];
}

/** What a program takes: its element type and its axes, symbols where sizes vary from call to call. */
export interface InputSpec {
  readonly type: "float32" | "uint8";
  readonly shape: readonly Dim[];
}

/**
 * A tower as an engine sees it: a pure function over any engine's values, with its frozen weights inside.
 * An engine that compiles keeps what it compiled by the program's identity; one that runs at once ignores `inputs`.
 */
export interface Program {
  readonly name: string;
  readonly inputs: readonly InputSpec[];
  /** The function itself. */
  run<T>(ops: Ops<T>, inputs: readonly T[]): readonly T[];
}

/** A program that ran and can take gradients back to its first inputs; `pullback` may be called once, `dispose` always. */
export interface Recorded {
  readonly outputs: readonly Floats[];
  /** Gradients of the outputs, taken back to the inputs that have one, in their order. */
  pullback(gradients: readonly Floats[]): Promise<readonly Floats[]>;
  /** Releases what was kept for the way back. */
  dispose(): void;
}

/** Runs programs and owns what it uploaded or compiled for them, until `dispose`. */
export interface EngineSession {
  /** The program's outputs for these inputs. */
  run(program: Program, inputs: readonly (Floats | Bytes)[]): Promise<readonly Floats[]>;
  /** Runs the program and keeps what gradients of its first `differentiate` inputs need. */
  record(
    program: Program,
    inputs: readonly (Floats | Bytes)[],
    options: { readonly differentiate: number },
  ): Promise<Recorded>;
  /** Releases everything the session holds. */
  dispose(): void;
}

/** Where towers run: TensorFlow.js, or anything else that passes the conformance suite. */
export interface Engine {
  readonly name: string;
  /** A session for one model; the caller disposes it. */
  open(): EngineSession;
}
