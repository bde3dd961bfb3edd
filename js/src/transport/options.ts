import { Code, TrefoilError } from "../status.ts";
import { msgpack } from "./codec.ts";
import type { Codec } from "./codec.ts";
import type { KeyLocks, KeyStorage } from "./key.ts";
import { pageLocks, pageStorage } from "./key.ts";
import { ownLimits, within } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { platform } from "./socket.ts";
import type { Environment, SocketConstructor } from "./socket.ts";
import { isStorage } from "./storage/storage.ts";
import type { Storage } from "./storage/storage.ts";

/** What a server's login is given: for each namespace a map of whatever it wants; "" is the default namespace. */
export type Credentials = Record<string, Record<string, unknown>>;

/** Configures a client. Everything may be left out. */
export interface ClientOptions {
  /**
   * Who the client is, 32 bytes: whoever holds it is that client. Default: the key that `keyName` finds, which is this client's alone: so what supersedes it is a predecessor of its own
   * that was late, and it comes back. One whose key is given here does not.
   */
  key?: Uint8Array;
  /**
   * Under which name the key is stored and locked, so that a page is the same client after a reload, and two pages never are. Default: `trefoil.key` and
   * the url. "" stores nothing: the client gets a new random key, as it does where there is no storage, no Web Locks (a page over plain http), or another page has the lock.
   */
  keyName?: string;
  /**
   * What `openStorage` gave: the key comes from there, and the client closes it when it ends. Or where the key alone is stored; default localStorage, null: nowhere.
   */
  storage?: Storage | KeyStorage | null;
  /** With what `openStorage` gave: whether the queues of other tabs that died are worked off too, over a connection for each. Default true. */
  adopt?: boolean;
  /** What guards the stored key; default navigator.locks, null: nothing, and then nothing is stored. */
  locks?: KeyLocks | null;
  /** What frames are written in: `json`, which this module exports; default msgpack. */
  codec?: Codec | undefined;
  /** Asked before every connection; default: none are sent. A throw fails that attempt; invalid_argument fails the client. */
  credentials?: (signal: AbortSignal) => Credentials | null | Promise<Credentials | null>;
  /** Names the program and its version, for the server's logs; default "trefoil-js". */
  agent?: string;
  /** Bounds of the reconnect delay in ms; defaults 100 and 30,000. */
  minBackoff?: number;
  maxBackoff?: number;
  /** Ends the client after so many failed connections in a row; default 0, never. */
  maxAttempts?: number;
  /** Bounds one attempt in ms, from asking for credentials to welcome; default 20,000. */
  connectTimeout?: number;
  /** What the server may send, in bytes; defaults 1 MiB, 4 MiB, 8 MiB. */
  maxMessage?: number;
  maxFrame?: number;
  maxPartial?: number;
  /** Bounds the bytes that wait to be sent, those in the WebSocket included; default 1 MiB. */
  outbound?: number;
  /** Closes the client for good when it is aborted. */
  signal?: AbortSignal;
  /** Makes WebSockets; default the global WebSocket. Node before version 22 has none: pass that of the package `ws`. */
  WebSocket?: SocketConstructor;
  /** Replaces parts of the world around the client, for tests and unusual hosts. */
  environment?: Partial<Environment>;
}

/** Options with everything in place. */
export interface Settings {
  readonly url: string;
  readonly key: Uint8Array | null;
  readonly keyName: string;
  readonly keep: Storage | null;
  readonly adopt: boolean;
  readonly storage: KeyStorage | null;
  readonly locks: KeyLocks | null;
  readonly codec: Codec;
  readonly credentials: ClientOptions["credentials"];
  readonly agent: string;
  readonly minBackoff: number;
  readonly maxBackoff: number;
  readonly maxAttempts: number;
  readonly connectTimeout: number;
  readonly limits: Limits;
  readonly outbound: number;
  readonly WebSocket: SocketConstructor;
  readonly env: Environment;
}

/** Checks options; throws invalid_argument `transport.bad_option` or `transport.bad_url`. */
export function settings(url: string, o: ClientOptions): Settings {
  const Socket = o.WebSocket ?? (globalThis as { WebSocket?: SocketConstructor }).WebSocket;
  if (!Socket) throw bad("there is no global WebSocket here: pass a constructor, such as that of the package ws, as the option WebSocket");
  if (o.key && (!(o.key instanceof Uint8Array) || o.key.length !== 32)) throw bad("a key has 32 bytes");
  const keep = isStorage(o.storage) ? o.storage : null;
  if (o.key && keep) throw bad("the key is that of the storage: give one of the two");
  const absolute = resolve(url);
  return {
    url: absolute,
    key: o.key ? o.key.slice() : null,
    keyName: o.keyName ?? `trefoil.key ${absolute}`,
    keep,
    adopt: o.adopt ?? true,
    storage: keep || o.storage === undefined ? pageStorage() : (o.storage as KeyStorage | null),
    locks: o.locks === undefined ? pageLocks() : o.locks,
    codec: o.codec ?? msgpack,
    credentials: o.credentials,
    agent: o.agent ?? "trefoil-js",
    minBackoff: within("minBackoff", o.minBackoff ?? 100, 0, 2 ** 31 - 1),
    maxBackoff: within("maxBackoff", o.maxBackoff ?? 30_000, 0, 2 ** 31 - 1),
    maxAttempts: within("maxAttempts", o.maxAttempts ?? 0, 0, 2 ** 31),
    connectTimeout: within("connectTimeout", o.connectTimeout ?? 20_000, 1, 2 ** 31 - 1),
    limits: ownLimits(o),
    outbound: within("outbound", o.outbound ?? 1 << 20, 4096, 2 ** 30),
    WebSocket: Socket,
    env: { ...platform, ...o.environment },
  };
}

/** A ws or wss url; in a page also one relative to it. */
function resolve(url: string): string {
  let u: URL;
  try {
    u = typeof location === "undefined" ? new URL(url) : new URL(url, location.href);
  } catch (err) {
    throw new TrefoilError(Code.InvalidArgument, "transport.bad_url", "not a url", { cause: err });
  }
  if (u.protocol === "http:") u.protocol = "ws:";
  if (u.protocol === "https:") u.protocol = "wss:";
  if (u.protocol !== "ws:" && u.protocol !== "wss:") throw new TrefoilError(Code.InvalidArgument, "transport.bad_url", "a url begins with ws:// or wss://");
  u.hash = "";
  return u.href;
}

function bad(what: string): TrefoilError {
  return new TrefoilError(Code.InvalidArgument, "transport.bad_option", what);
}
