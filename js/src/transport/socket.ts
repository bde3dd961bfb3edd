/** What is used of a WebSocket's events. */
export interface SocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** What is used of a WebSocket: the browser's, Node's (from version 22), and that of the package `ws` have it. */
export interface Socket {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly protocol: string;
  send(data: string | ArrayBuffer): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "message" | "close" | "error", listener: (event: SocketEvent) => void): void;
}

/** Makes WebSockets. */
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** What the transport needs of the world around it; each part can be replaced, for tests or unusual hosts. */
export interface Environment {
  /** A monotonic clock in ms. */
  now(): number;
  /** A number from 0 up to 1, as Math.random. */
  random(): number;
  setTimeout(fn: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Calls fn when the network is back, or the page is seen again; returns what ends that. */
  onWake(fn: () => void): () => void;
}

/** The environment of a page, a worker or Node. */
export const platform: Environment = {
  now: () => performance.now(),
  random: () => Math.random(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (timer) => clearTimeout(timer as number),
  onWake: (fn) => {
    if (typeof globalThis.addEventListener !== "function") return () => {};
    const page = typeof document === "undefined" ? null : document;
    const seen = (): void => {
      if (page?.visibilityState === "visible") fn();
    };
    globalThis.addEventListener("online", fn);
    page?.addEventListener("visibilitychange", seen);
    return () => {
      globalThis.removeEventListener("online", fn);
      page?.removeEventListener("visibilitychange", seen);
    };
  },
};
