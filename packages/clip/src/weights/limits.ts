/** What a pickle may claim and take; every number is a bound that is checked before memory is taken. */
export interface PickleLimits {
  /** Bytes of the pickle. */
  readonly pickleBytes: number;
  /** Opcodes run. */
  readonly opcodes: number;
  /** Containers inside each other. */
  readonly depth: number;
  /** Values that wait on the stack at once. */
  readonly stack: number;
  /** Memo slots; a slot's number may not exceed the pickle's size either. */
  readonly memo: number;
  /** Tensors. */
  readonly tensors: number;
  /** Parts the value would have if shared parts were written out each time (an "exponential" pickle is refused). */
  readonly parts: number;
}

/** What a checkpoint file may claim and take. */
export interface ArchiveLimits extends PickleLimits {
  /** Entries of the zip archive. */
  readonly entries: number;
  /** Memory held for the file at once, its tensors included: so many times its size ... */
  readonly memoryFactor: number;
  /** ... and so many bytes. */
  readonly memoryBase: number;
  /** Bytes read for distinct tensors, in sizes of the file: views that overlap without end are refused. */
  readonly readFactor: number;
}

/** The bounds of `unpickle` unless the caller gives others. */
export const pickleLimits: PickleLimits = {
  pickleBytes: 64 * 2 ** 20,
  opcodes: 20_000_000,
  depth: 1000,
  stack: 65_536,
  memo: 4_000_000,
  tensors: 100_000,
  parts: 1_000_000,
};

/** The bounds of `openTorchArchive` unless the caller gives others. */
export const archiveLimits: ArchiveLimits = {
  ...pickleLimits,
  entries: 20_000,
  memoryFactor: 4,
  memoryBase: 2 ** 20,
  readFactor: 8,
};

/** The bounds given, the defaults for the rest. Throws where one is no number: nothing would be more than that. */
export function limitsFrom<T extends PickleLimits>(defaults: T, given: Partial<T>): T {
  const limits = { ...defaults };
  for (const key of Object.keys(defaults) as (keyof T & string)[]) {
    const value: unknown = given[key];
    if (value === undefined) continue;
    if (typeof value !== "number" || !(value >= 0)) {
      throw new RangeError(
        `the limit ${key} is ${typeof value === "number" ? value : typeof value}; a number of 0 or more was expected`,
      );
    }
    limits[key] = value as T[typeof key];
  }
  return limits;
}

/** Counts the memory that reading one file holds, as bytes or as estimates of what JavaScript takes for a value. */
export interface Budget {
  readonly limit: number;
  /** The most that was held at once. */
  readonly peak: number;
  /** Takes memory on the account before it is allocated; throws one line where there is not enough. */
  hold(bytes: number, reason: string): void;
  release(bytes: number): void;
}

export function createBudget({ name, limit }: { name: string; limit: number }): Budget {
  let held = 0;
  let peak = 0;
  return {
    limit,
    get peak() {
      return peak;
    },
    hold(bytes, reason) {
      held += bytes;
      if (!(held <= limit)) {
        held -= bytes;
        throw new Error(
          `${name}: ${reason} would take ${held + bytes} bytes of memory, at most ${limit} are allowed for a file of this size: refused; ask the author for safetensors`,
        );
      }
      if (held > peak) peak = held;
    },
    release(bytes) {
      held -= bytes;
    },
  };
}
