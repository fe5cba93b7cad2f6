import { randomBytes } from "node:crypto";
import { link, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** How often a waiting process looks, and after how long without a sign of life a lock is another's no more, in milliseconds. */
export interface LockTimes {
  readonly poll: number;
  readonly stale: number;
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

/**
 * Runs `work` while this process alone holds the lock file `path`. A second process waits, after `onWait`; it takes over from an
 * owner that has died, or has given no sign of life for `stale` as the waiting process counts it (clocks of machines differ).
 */
export async function withLock<T>(
  path: string,
  { poll, stale, signal, onWait }: LockTimes & { signal?: AbortSignal; onWait: (owner: string) => void },
  work: () => Promise<T>,
): Promise<T> {
  const token = randomBytes(12).toString("hex");
  const me: Owner = { pid: process.pid, host: hostname(), token };
  let seen = { change: "", at: 0 };
  let told = false;
  while (!(await tryLock(path, me))) {
    signal?.throwIfAborted();
    const held = await look(path);
    if (!held) continue; // released meanwhile
    const change = `${held.owner?.token}@${held.mtimeMs}`;
    if (change !== seen.change) seen = { change, at: performance.now() };
    if (isDead(held.owner) || performance.now() - seen.at > stale) {
      await breakLock(path, held.owner?.token);
      continue;
    }
    if (!told) onWait(held.owner ? `process ${held.owner.pid} on ${held.owner.host}` : "another process");
    told = true;
    await sleep(poll, undefined, { signal });
  }
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {}); // a folder that has gone shows itself when the file is written
  }, stale / 4).unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if ((await look(path))?.owner?.token === token) await rm(path, { force: true });
  }
}

async function tryLock(path: string, me: Owner): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    try {
      await file.writeFile(JSON.stringify(me));
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function look(path: string): Promise<{ owner?: Owner; mtimeMs: number } | undefined> {
  try {
    const { mtimeMs } = await stat(path);
    const owner = JSON.parse((await readFile(path, "utf8")) || "null") as Owner | null;
    return { owner: typeof owner?.token === "string" ? owner : undefined, mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if (error instanceof SyntaxError) return { mtimeMs: 0 }; // being written, or by a process killed in it
    throw error;
  }
}

function isDead(owner: Owner | undefined): boolean {
  if (!owner || owner.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0); // only asks whether it is there
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Takes a dead owner's lock away; a lock that somebody has taken meanwhile is put back. */
async function breakLock(path: string, token: string | undefined): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, aside);
    if ((await look(aside))?.owner?.token !== token) await link(aside, path).catch(() => {});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  } finally {
    await rm(aside, { force: true });
  }
}
