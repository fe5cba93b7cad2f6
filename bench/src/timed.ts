/** What a piece of work took, in milliseconds: by the clock, and of processor time over all threads. */
export interface Time {
  readonly ms: number;
  readonly cpu: number;
}

/** Both added up. */
export function addTimes(a: Time, b: Time): Time {
  return { ms: a.ms + b.ms, cpu: a.cpu + b.cpu };
}

/** Does the work and says what it gave and took. */
export async function timed<T>(work: () => T | Promise<T>): Promise<{ result: Awaited<T>; time: Time }> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  return { result, time: { ms, cpu: (user + system) / 1000 } };
}
