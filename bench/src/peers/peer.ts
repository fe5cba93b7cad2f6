import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What a peer answers: milliseconds of the work alone, and what the comparison needs. */
export interface Answer {
  readonly ms: number;
  /** Milliseconds of processor time of the same work, all threads together. */
  readonly cpu?: number;
  /** Results to compare, as float32. */
  readonly values?: Float32Array;
  readonly [extra: string]: unknown;
}

/** A side of a comparison as a long-lived process. */
export interface Peer {
  call(op: string, args?: object): Promise<Answer>;
  close(): Promise<void>;
}

/** Starts a process that answers JSON lines; what it prints besides goes to our standard error. */
export function startPeer(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Peer {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
  const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  let [count, ended] = [0, ""];
  const fail = (reason: string): void => {
    ended = `${command} ${reason}`;
    for (const { reject } of waiting.values()) reject(new Error(ended));
    waiting.clear();
  };
  const exited = new Promise<void>((resolve) => {
    child.on("error", (error) => (fail(error.message), resolve()));
    child.on("exit", (code, signal) => (fail(`ended with ${signal ?? `status ${code}`}`), resolve()));
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id, result, error } = JSON.parse(line) as {
      id: number;
      result?: Answer & { values?: string };
      error?: string;
    };
    const call = waiting.get(id);
    waiting.delete(id);
    if (error !== undefined) call?.reject(new Error(error));
    else if (result?.values === undefined) call?.resolve(result as Answer);
    else call?.resolve({ ...result, values: decode(result.values) });
  });
  child.stdin.on("error", () => {}); // the exit says more
  return {
    call: (op, args = {}) =>
      new Promise((resolve, reject) => {
        if (ended !== "") return reject(new Error(ended));
        waiting.set(++count, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ id: count, op, args })}\n`);
      }),
    async close() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Answers the requests of `startPeer` on this process's standard input. */
export async function servePeer(
  operations: Readonly<Record<string, (args: never) => Promise<object> | object>>,
): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, op, args } = JSON.parse(line) as { id: number; op: string; args: never };
    let answer: object;
    try {
      const work = operations[op];
      if (work === undefined) throw new Error(`no operation "${op}"`);
      const result = (await work(args)) as { values?: ArrayLike<number> };
      answer = { id, result: { ...result, values: result.values && encode(result.values) } };
    } catch (error) {
      console.error(error);
      answer = { id, error: (error as Error).message };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}

function encode(values: ArrayLike<number>): string {
  return Buffer.from(Float32Array.from(values).buffer).toString("base64");
}

function decode(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
