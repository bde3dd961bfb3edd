import type { Value, ValueMap } from "../codec/index.ts";
import { toHex } from "../codec/binary.ts";
import { Code, TrefoilError } from "../status.ts";
import { closeReason, CloseCode } from "./close.ts";
import { defaultLimits, leastLimit } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { Control, malformed } from "./wire.ts";
import type { Header } from "./wire.ts";

/** The protocol version that this library speaks: docs/PROTOCOL.md, section 5. */
export const protocolVersion = 1;

/** What a client says of itself. */
export interface Hello {
  readonly key: Uint8Array;
  readonly credentials: unknown;
  readonly patterns: readonly string[];
  readonly features: readonly string[];
  readonly limits: Limits;
  readonly agent: string;
}

/** The server's answer. */
export interface Welcome {
  readonly session: string;
  readonly node: string;
  readonly client: string;
  readonly user: string;
  readonly patterns: ReadonlyMap<string, number>;
  readonly features: readonly string[];
  /** In ms, 0 if the server sends no pings. */
  readonly heartbeat: number;
  readonly limits: Limits;
}

/** The client's first frame. */
export function helloFrame(h: Hello): unknown[] {
  const { message: maxMessage, frame: maxFrame, partial: maxPartial } = h.limits;
  return [
    0, Control.hello, 0,
    {
      version: protocolVersion, key: h.key, credentials: h.credentials ?? undefined, patterns: h.patterns, features: h.features, agent: h.agent,
      maxMessage, maxFrame, maxPartial,
    },
  ];
}

/** Reads the server's first frame. Throws invalid_argument if it is malformed, failed_precondition `transport.outdated` for another version. */
export function readWelcome(h: Header): Welcome {
  const map = h.body[0];
  if (!isMap(map)) throw malformed("malformed welcome");
  const version = map["version"];
  // The version is judged first: the rest may mean something else in another one.
  if (typeof version !== "number" && typeof version !== "bigint") throw malformed("no version");
  if (version !== protocolVersion) {
    throw new TrefoilError(Code.FailedPrecondition, closeReason(CloseCode.outdated), `this side speaks protocol version ${protocolVersion}`);
  }
  const heartbeat = integer(map["heartbeat"], 0);
  const limits: Limits = {
    message: integer(map["maxMessage"], defaultLimits.message),
    frame: integer(map["maxFrame"], defaultLimits.frame),
    partial: integer(map["maxPartial"], defaultLimits.partial),
  };
  if (heartbeat < 0 || Math.min(limits.message, limits.frame, limits.partial) < leastLimit) throw malformed("malformed welcome");
  return {
    session: id(map["session"]),
    node: id(map["node"]),
    client: id(map["client"]),
    user: text(map["user"] ?? ""),
    patterns: numbers(map["patterns"] ?? null),
    features: list(map["features"] ?? null).map(text),
    heartbeat: Math.min(heartbeat, 24 * 3600 * 1000),
    limits,
  };
}

function isMap(v: Value | undefined): v is ValueMap {
  return typeof v === "object" && v !== null && Object.getPrototypeOf(v) === null;
}

function integer(v: Value | undefined, missing: number): number {
  if (v === undefined || v === null) return missing;
  if (typeof v === "bigint") return v > 0n ? 2 ** 30 : -1;
  if (typeof v !== "number" || !Number.isInteger(v)) throw malformed("malformed welcome");
  return Math.min(v, 2 ** 30);
}

function id(v: Value | undefined): string {
  if (!(v instanceof Uint8Array) || v.length !== 16) throw malformed("malformed welcome");
  return toHex(v);
}

function text(v: Value): string {
  if (typeof v !== "string") throw malformed("malformed welcome");
  return v;
}

function list(v: Value): Value[] {
  if (v === null) return [];
  if (!Array.isArray(v)) throw malformed("malformed welcome");
  return v;
}

function numbers(v: Value): Map<string, number> {
  if (v === null) return new Map();
  if (!isMap(v)) throw malformed("malformed welcome");
  const map = new Map<string, number>();
  const taken = new Set<number>();
  for (const [name, n] of Object.entries(v)) {
    if (typeof n !== "number" || !Number.isInteger(n) || n < 1 || taken.has(n)) throw malformed("malformed welcome");
    taken.add(n); // of two patterns with one number only one would hear anything, the end of the session included
    map.set(name, n);
  }
  return map;
}
