// The page's side of the service worker: it is registered where browsers allow one, and a newer version is told, not put on.
const hour = 3_600_000;

export class PageKeeper {
  /** Whether the page opens without the server. */
  kept = false;
  /** A newer version waits. */
  newer = false;
  readonly #changed: () => void;
  #registration: ServiceWorkerRegistration | null = null;
  #asked = false;

  constructor(changed: () => void) {
    this.#changed = changed;
    if (!isSecureContext || !('serviceWorker' in navigator)) return;
    void this.#register();
  }

  /** Asks whether there is a newer version: the server came back, perhaps as another one. */
  check(): void {
    this.#registration?.update().catch(() => {}); // another time
  }

  /** Loads the newer version. */
  update(): void {
    this.#asked = true;
    this.#registration?.waiting?.postMessage('take over');
  }

  async #register(): Promise<void> {
    const { serviceWorker } = navigator;
    try {
      serviceWorker.addEventListener('controllerchange', () => {
        if (this.#asked) location.reload();
        else this.#look();
      });
      // Registering asks the server; one that is there already does not wait for it.
      const r = (this.#registration = (await serviceWorker.getRegistration('/')) ?? (await serviceWorker.register('/sw.js')));
      r.addEventListener('updatefound', () => r.installing?.addEventListener('statechange', () => this.#look()));
      setInterval(() => this.check(), hour);
      this.check();
      this.#look();
      await serviceWorker.ready;
      this.#look();
    } catch {
      // forbidden here, or the server is away and there never was one: the page does without
    }
  }

  #look(): void {
    this.kept = this.#registration?.active != null;
    this.newer = this.#registration?.waiting != null && navigator.serviceWorker.controller !== null;
    this.#changed();
  }
}
