/** Arrays that are used again: what a step keeps for its way back has the same sizes in the next one. */
export interface Pool {
  take(length: number): Float32Array;
  giveBack(arrays: readonly Float32Array[]): void;
  clear(): void;
}

/** Starts an empty pool. When all arrays are back, those that nobody took since the last such time are let go. */
export function createPool(): Pool {
  let idle = new Map<number, Float32Array[]>();
  let returned = new Map<number, Float32Array[]>();
  let out = 0;
  const put = (arrays: Map<number, Float32Array[]>, array: Float32Array): void => {
    const known = arrays.get(array.length);
    if (known === undefined) arrays.set(array.length, [array]);
    else known.push(array);
  };
  return {
    take(length) {
      out++;
      return returned.get(length)?.pop() ?? idle.get(length)?.pop() ?? new Float32Array(length);
    },
    giveBack(arrays) {
      out -= arrays.length;
      for (const array of arrays) put(returned, array);
      if (out > 0) return;
      idle = returned;
      returned = new Map();
    },
    clear() {
      idle = new Map();
      returned = new Map();
    },
  };
}
