import { readFileSync } from "node:fs";
import { availableParallelism, release, totalmem } from "node:os";

/** The machine a run was made on. */
export interface Machine {
  readonly processor: string;
  readonly flags: readonly string[];
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
}

const telling = ["avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd", "sve"];

/** What decides the speed of matrix products: processor, its vector instructions, cores. */
export function describeMachine(): Machine {
  const text = readText("/proc/cpuinfo");
  const flags = new Set((/^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1] ?? "").split(/\s+/));
  return {
    processor: /^model name\s*:\s*(.*)$/m.exec(text)?.[1] ?? process.arch,
    flags: telling.filter((flag) => flags.has(flag)),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
  };
}

/** The most this process has had resident, and what it has now, in bytes. */
export function processMemory(): { peak: number; now: number } {
  const status = readText("/proc/self/status");
  const read = (key: string): number => Number(new RegExp(`^${key}:\\s*(\\d+)`, "m").exec(status)?.[1] ?? 0) * 1024;
  return { peak: read("VmHWM"), now: read("VmRSS") };
}

/** Memory that a new process could take, in bytes. */
export function availableMemory(): number {
  return Number(/^MemAvailable:\s*(\d+)/m.exec(readText("/proc/meminfo"))?.[1] ?? 0) * 1024;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // not Linux
  }
}
