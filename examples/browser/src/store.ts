// What was typed, dropped and trained, in IndexedDB: it survives a reload, a crash and a tab that the browser threw away.

const database = "locoop-page";
const table = "values";

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(database, 1);
    request.onupgradeneeded = () => void request.result.createObjectStore(table);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB does not open"));
  });
}

let connection: Promise<IDBDatabase> | undefined;

async function run<T = unknown>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const db = await (connection ??= open());
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(table, mode);
    const request = use(transaction.objectStore(table));
    transaction.oncomplete = () => resolve(request.result as T);
    transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB refused"));
  });
}

/** Reads what was kept under a name. */
export async function load<T>(name: string): Promise<T | undefined> {
  // A browser that keeps nothing (private windows of some) is no reason not to work.
  return run<T | undefined>("readonly", (store) => store.get(name)).catch(() => undefined);
}

let told = false;

/** Keeps something under a name; undefined removes it. Says once where the browser keeps nothing. */
export async function save(name: string, value: unknown, onRefusal: (reason: string) => void): Promise<void> {
  try {
    await run("readwrite", (store) => (value === undefined ? store.delete(name) : store.put(value, name)));
  } catch (error) {
    if (!told)
      onRefusal(
        `This browser keeps nothing of this page (${(error as Error).message}): download what you train before you close the tab.`,
      );
    told = true;
  }
}
