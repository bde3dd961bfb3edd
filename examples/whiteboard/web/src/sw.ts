// The service worker: it keeps the files of one version of the page, and gives them out whether or not the server is there. The server puts
// two lines before it: VERSION, a hash of all files, and FILES, their addresses. So each version is a worker of its own, with a cache of its own.
//
// What a person sees changes only when they load the page: the new worker waits until the pages of the old one are gone, or somebody asks for it.
// The library of types knows either pages or workers, so what is used of a worker stands here.
interface Work extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Fetch extends Event {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface Scope {
  readonly location: Location;
  readonly registration: ServiceWorkerRegistration;
  readonly clients: { claim(): Promise<void>; matchAll(options: { type: 'window' }): Promise<readonly unknown[]> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', fn: (e: Work) => void): void;
  addEventListener(type: 'message', fn: (e: MessageEvent) => void): void;
  addEventListener(type: 'fetch', fn: (e: Fetch) => void): void;
}

declare const VERSION: string;
declare const FILES: readonly string[];

const scope = self as unknown as Scope;
const prefix = 'whiteboard ';
const cacheName = prefix + VERSION;

scope.addEventListener('install', (e) => e.waitUntil(keep()));
scope.addEventListener('activate', (e) => e.waitUntil(takeOver()));
scope.addEventListener('message', (e) => {
  if (e.data === 'take over') void scope.skipWaiting();
});
scope.addEventListener('fetch', (e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== 'GET' || url.origin !== scope.location.origin) return;
  if (e.request.mode === 'navigate') {
    if (url.pathname === '/' || url.pathname.startsWith('/b/')) e.respondWith(page(e.request));
  } else if (FILES.includes(url.pathname)) {
    e.respondWith(kept(url.pathname, e.request));
  }
});

/** Keeps all files, or the worker is not installed. */
async function keep(): Promise<void> {
  const cache = await caches.open(cacheName);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: 'no-cache' })));
}

/** The files of earlier versions are not needed any more. Pages that were loaded without a worker get this one. */
async function takeOver(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(prefix) && name !== cacheName) await caches.delete(name);
  await scope.clients.claim();
}

/** The page is the same for all boards. */
async function page(request: Request): Promise<Response> {
  const { waiting } = scope.registration;
  if (waiting && (await scope.clients.matchAll({ type: 'window' })).length < 2) {
    // Nobody else looks at this version, so loading the page is the moment for the next one.
    waiting.postMessage('take over');
    return new Response('', { headers: { Refresh: '0' } });
  }
  return kept('/', request);
}

/** What is kept of this version; the server's if the browser has thrown it away. */
async function kept(file: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(file)) ?? fetch(request);
}
