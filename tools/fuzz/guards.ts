// Watches what a reader does to the process: memory it asks for, files it writes, code it makes, processes it starts.
// Installed before the readers are loaded, so that they meet the watched functions only.
import childProcess from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import vm from "node:vm";
import workerThreads from "node:worker_threads";

export interface Guards {
  /** Forgets what was counted; from here on, the next input is watched. */
  start(): void;
  /** Stops watching; what was asked for since `start`. */
  stop(): { readonly allocated: number; readonly largest: number; readonly forbidden: readonly string[] };
}

/** Replaces constructors and functions of this process by watched ones, for as long as it lives. */
export function installGuards(): Guards {
  let watching = false;
  let allocated = 0;
  let largest = 0;
  let forbidden: string[] = [];
  const count = (bytes: number): void => {
    if (!watching) return;
    allocated += bytes;
    if (bytes > largest) largest = bytes;
  };
  // Memory refused here would otherwise be taken: an input that asks for this much is a finding in any case.
  const hardLimit = 2 ** 30;
  const claim = (bytes: number): void => {
    if (watching && bytes > hardLimit) {
      forbidden.push(`asks for ${bytes} bytes at once`);
      throw new Error(`fuzzing: ${bytes} bytes asked for at once`);
    }
  };
  const forbid = (name: string): void => {
    if (watching)
      forbidden.push(`${name} (${new Error("here").stack?.split("\n").slice(2, 6).join(" ").replace(/\s+/g, " ")})`);
  };

  const swapBuffers = watchBuffers(count, claim);
  watchCode(forbid);
  watchSystem(forbid);
  return {
    start() {
      allocated = 0;
      largest = 0;
      forbidden = [];
      swapBuffers(true);
      watching = true;
    },
    stop() {
      watching = false;
      swapBuffers(false);
      return { allocated, largest, forbidden };
    },
  };
}

const typedArrays =
  "Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float32Array Float64Array BigInt64Array BigUint64Array".split(
    " ",
  );

/** Constructors that count what they allocate, in place of the true ones only while an input runs: they are slow. */
function watchBuffers(count: (bytes: number) => void, claim: (bytes: number) => void): (watched: boolean) => void {
  const swaps: [holder: Record<string, unknown>, name: string, original: unknown, watched: unknown][] = [];
  const scope = globalThis as unknown as Record<string, unknown>;
  for (const name of typedArrays) {
    const original = scope[name] as Uint8ArrayConstructor;
    const watched = new Proxy(original, {
      construct(target, args: unknown[], newTarget) {
        const [first] = args;
        if (typeof first === "number") claim(first * target.BYTES_PER_ELEMENT);
        const made = Reflect.construct(target, args, newTarget) as Uint8Array;
        if (!(first instanceof ArrayBuffer || first instanceof SharedArrayBuffer)) count(made.byteLength);
        return made;
      },
    });
    swaps.push([scope, name, original, watched]);
    // So that slices and maps, which ask the array for its constructor, are counted as well.
    swaps.push([original.prototype as unknown as Record<string, unknown>, "constructor", original, watched]);
  }
  for (const name of ["ArrayBuffer", "SharedArrayBuffer"]) {
    const watched = new Proxy(scope[name] as ArrayBufferConstructor, {
      construct(target, args: unknown[], newTarget) {
        if (typeof args[0] === "number") claim(args[0]);
        const made = Reflect.construct(target, args, newTarget) as ArrayBuffer;
        count(made.byteLength);
        return made;
      },
    });
    swaps.push([scope, name, scope[name], watched]);
  }
  const watchedArray = new Proxy(Array, {
    construct(target, args: unknown[], newTarget) {
      if (args.length === 1 && typeof args[0] === "number") {
        claim(args[0] * 8);
        count(args[0] * 8);
      }
      return Reflect.construct(target, args, newTarget) as unknown[];
    },
    apply(target, self, args: unknown[]) {
      if (args.length === 1 && typeof args[0] === "number") {
        claim(args[0] * 8);
        count(args[0] * 8);
      }
      return Reflect.apply(target, self, args) as unknown[];
    },
  });
  swaps.push([scope, "Array", Array, watchedArray]);
  const { slice } = ArrayBuffer.prototype;
  const { repeat } = String.prototype;
  const { arrayBuffer } = Blob.prototype;
  Object.assign(ArrayBuffer.prototype, {
    slice(this: ArrayBuffer, begin: number, end: number) {
      const made = slice.call(this, begin, end);
      count(made.byteLength);
      return made;
    },
  });
  Object.assign(String.prototype, {
    repeat(this: string, times: number) {
      claim(this.length * times);
      count(this.length * times);
      return repeat.call(this, times);
    },
  });
  Object.assign(Blob.prototype, {
    async arrayBuffer(this: Blob) {
      const made = await arrayBuffer.call(this);
      count(made.byteLength);
      return made;
    },
  });
  const buffers = Buffer as unknown as Record<string, (...args: unknown[]) => Buffer>;
  for (const name of ["alloc", "allocUnsafe", "allocUnsafeSlow", "from", "concat"]) {
    const original = buffers[name] as (...args: unknown[]) => Buffer;
    buffers[name] = (...args) => {
      if (typeof args[0] === "number") claim(args[0]);
      const made = original.apply(Buffer, args);
      if (!(args[0] instanceof ArrayBuffer)) count(made.byteLength);
      return made;
    };
  }
  return (watched) => {
    for (const [holder, name, original, replacement] of swaps) holder[name] = watched ? replacement : original;
  };
}

function watchCode(forbid: (name: string) => void): void {
  const scope = globalThis as unknown as Record<string, unknown>;
  const watch = (name: string): void => {
    scope[name] = new Proxy(scope[name] as () => void, {
      apply(target, self, args) {
        forbid(`${name}(${String(args[0]).slice(0, 60)})`);
        return Reflect.apply(target, self, args) as unknown;
      },
      construct(target, args, newTarget) {
        forbid(`new ${name}(${String(args[0]).slice(0, 60)})`);
        return Reflect.construct(target, args, newTarget) as object;
      },
    });
  };
  for (const name of ["eval", "Function", "fetch"]) watch(name);
  // What `(() => {}).constructor("...")` reaches.
  Object.assign(Function.prototype, { constructor: scope.Function });
}

function watchSystem(forbid: (name: string) => void): void {
  const watch = (
    module: object,
    moduleName: string,
    names: readonly string[],
    isForbidden = (_args: unknown[]) => true,
  ): void => {
    const functions = module as Record<string, ((...args: unknown[]) => unknown) | undefined>;
    for (const name of names) {
      const original = functions[name];
      if (typeof original !== "function") continue;
      functions[name] = new Proxy(original, {
        apply(target, self, args: unknown[]) {
          if (isForbidden(args) && !isNodeItself()) forbid(`${moduleName}.${name}`);
          return Reflect.apply(target, self, args);
        },
        construct(target, args, newTarget) {
          forbid(`new ${moduleName}.${name}`);
          return Reflect.construct(target, args, newTarget) as object;
        },
      });
    }
  };
  const writers =
    "writeFile appendFile mkdir mkdtemp rename rm rmdir unlink link symlink truncate copyFile cp chmod chown utimes write writev ftruncate".split(
      " ",
    );
  const opensToWrite = ([, flags]: unknown[]): boolean =>
    flags !== undefined && flags !== null && flags !== "r" && flags !== 0;
  watch(fs, "fs", [...writers, ...writers.map((name) => `${name}Sync`), "createWriteStream"]);
  watch(fs, "fs", ["open", "openSync"], opensToWrite);
  watch(fs.promises, "fs.promises", writers);
  watch(fs.promises, "fs.promises", ["open"], opensToWrite);
  watch(childProcess, "child_process", ["spawn", "spawnSync", "exec", "execSync", "execFile", "execFileSync", "fork"]);
  watch(vm, "vm", ["Script", "runInContext", "runInNewContext", "runInThisContext", "compileFunction"]);
  watch(workerThreads, "worker_threads", ["Worker"]);
  watch(net.Socket.prototype, "net.Socket", ["connect"]);
  syncBuiltinESMExports();
}

/** Whether Node's own code is the caller: it makes a context of its own once, for regular expressions that nobody changed. */
function isNodeItself(): boolean {
  return new Error("here").stack?.split("\n")[3]?.includes("(node:internal/") ?? false;
}
