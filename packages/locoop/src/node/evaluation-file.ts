/** `evaluation.json` of a run folder: what its `scores` are of, so that a report can be made of them later. */
export interface EvaluationFile {
  readonly version: 1;
  readonly method: string;
  readonly shots?: number;
  readonly seed?: number;
  readonly settings?: Readonly<Record<string, string>>;
  readonly classNames?: readonly string[];
  /** Columns of the score files. */
  readonly scores: readonly string[];
  /** In-distribution pictures first; `file` is in `scores`, pictures are below `root`. */
  readonly sets: readonly {
    readonly name: string;
    readonly file: string;
    readonly root: string;
    /** Whether the set is in the average; the in-distribution pictures have none. */
    readonly averaged?: boolean;
  }[];
  readonly unreadable: readonly string[];
}

/** Its name. */
export const EVALUATION_FILE = "evaluation.json";
