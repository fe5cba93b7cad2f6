/** Keeps the page for visits without a network; later than all else, so that the first verdict does not wait. */
export async function keepForLater(): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  // A browser that refuses (private windows of some) still shows the page.
  await navigator.serviceWorker.register("./service-worker.js").catch(() => {});
}

/** Tells of tasks that kept the page's thread busy for longer than 50 ms, where the browser reports them. */
export function watchLongTasks(tell: (longest: number, count: number) => void): void {
  let longest = 0;
  let count = 0;
  if (!PerformanceObserver.supportedEntryTypes.includes("longtask")) return;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      longest = Math.max(longest, duration);
      count++;
    }
    tell(longest, count);
  }).observe({ type: "longtask", buffered: true });
}

/** Keeps the screen on while something long runs, where the browser can; gives what ends it. */
export async function stayAwake(): Promise<() => void> {
  const lock = await navigator.wakeLock?.request("screen").catch(() => undefined);
  return () => void lock?.release();
}
