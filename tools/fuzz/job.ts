/** What a process of the fuzzer is to do: the inputs `first` to `first + count`, or `only` one of them, with all it shows. */
export interface Job {
  readonly seed: string;
  /** The folder of the packages, whose fixtures are seeds. */
  readonly packages: string;
  readonly targets: readonly string[];
  readonly first: number;
  readonly count: number;
  readonly out: string;
  readonly only?: number;
}

/** An input with which something is wrong; its bytes are saved as `<target>-<index>.bin`. */
export interface Finding {
  readonly target: string;
  readonly index: number;
  readonly seed: string;
  readonly fault: string;
  readonly size: number;
}

/** What inputs of one target did, added up, and the worst of them. */
export interface Totals {
  inputs: number;
  loaded: number;
  refused: number;
  findings: number;
  bytes: number;
  stepsPerByte: number;
  readPerByte: number;
  milliseconds: number;
  /** Of one input, in milliseconds. */
  slowest: number;
  /** The largest piece of memory or result, and all memory asked for, as shares of what is allowed. */
  atOnce: number;
  inAll: number;
  /** The largest piece of memory or result beyond 1 MB, per byte of the file. */
  ratio: number;
  /** Refusals of different kinds. */
  reasons: string[];
}
