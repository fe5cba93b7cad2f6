// Keeps the page's files for visits without a network, and isolates the page, which WebAssembly's threads need and many servers do not
// ask for. The build writes the version and the list of files in.
const cacheName = "locoop-page-__VERSION__";
const files = __FILES__;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(cacheName)
      .then((cache) => cache.addAll(files))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const drop = (names) => names.filter((name) => name.startsWith("locoop-page-") && name !== cacheName);
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(drop(names).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const own = new URL(request.url).href.startsWith(self.registration.scope);
  if (request.method === "GET" && own) event.respondWith(answer(request));
});

async function answer(request) {
  const cache = await caches.open(cacheName);
  const kept = await cache.match(request.mode === "navigate" ? "./" : request, { ignoreSearch: true });
  if (kept) return isolate(kept);
  const fetched = await fetch(request);
  // Names of assets change with their content: what is kept stays right. ONNX Runtime comes here, if it is ever asked for.
  if (fetched.ok && new URL(request.url).pathname.includes("/assets/")) await cache.put(request, fetched.clone());
  return isolate(fetched);
}

function isolate(response) {
  if (response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
