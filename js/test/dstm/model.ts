import { encode } from "../../src/codec/index.ts";
import { Time, type Value } from "../../src/codec/value.ts";
import { toHex as hex } from "../../src/codec/binary.ts";
import { sha256 } from "../../src/internal/sha256.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import { MAX_UNANSWERED } from "../../src/dstm/replica/types.ts";
import { fails } from "../../src/dstm/txn/judge.ts";
import type { Path } from "../../src/dstm/path.ts";
import { showable, usual } from "../../src/dstm/replica/terms.ts";
import { Edit } from "../../src/dstm/tree/edit.ts";
import { TreeNode } from "../../src/dstm/tree/node.ts";
import { shapeOf } from "../../src/dstm/tree/shape.ts";
import { readPath, readWrites } from "../../src/dstm/txn/decode.ts";
import { writeToWire } from "../../src/dstm/txn/encode.ts";
import { apply, ReadKind, type Part, type Read, type Write } from "../../src/dstm/txn/txn.ts";
import type { Random } from "./random.ts";

/** One frame, decoded. */
export type Frame = readonly Value[];

/** One session as the server sees it. */
export interface Link {
  readonly client: string;
  readonly open: Set<string>;
  readonly toServer: Frame[];
  readonly toClient: Frame[];
}

export function newLink(client: string): Link {
  return { client, open: new Set(), toServer: [], toClient: [] };
}

export const theLog = "log";

interface Entry {
  position: number;
  client: string;
  sequence: number;
  parts: { object: string; version: number; writes: readonly Write[] }[];
}

interface Outcome {
  digest: string;
  /** 0: refused. */
  position: number;
  versions: number[];
  objects: string[];
  error: unknown[] | null;
  conflicts: [number, string[]][];
}

interface Kept {
  root: TreeNode;
  strict: boolean;
  version: number;
  position: number;
  /** By version. */
  history: TreeNode[];
}

/** A commit as it came. */
export interface Commit {
  sequence: number;
  settled: number;
  again: boolean;
  after: number[];
  parts: Part[];
  digest: string;
}

/** A server that keeps everything and does the obvious. */
export class Model {
  epoch = "e1";
  readonly objects = new Map<string, Kept>();
  readonly entries: Entry[] = [];
  readonly records = new Map<string, Map<number, Outcome>>();
  /** Settled, by client. */
  readonly dropped = new Map<string, number>();
  /** Of 100 first sendings refused as busy. */
  busy = 0;
  /** Of 100 openings answered with a snapshot. */
  forget = 0;
  /** Of 100 states that come in pieces. */
  cut = 0;
  /** What everyone may read; null: everything. */
  readable: Path[] | null = null;
  limits: { [name: string]: number } | null = null;
  /** Objects that nobody may open or write. */
  readonly denied = new Set<string>();
  /** Refusals of what would otherwise be judged, in order. */
  readonly refusals: Value[][] = [];
  /** A client may have lost what it knew of its own sequences: they are answered as a server does, and are no faults. */
  forgetful = false;
  readonly faults: string[] = [];

  constructor(readonly random: Random) {}

  object(name: string): Kept {
    let o = this.objects.get(name);
    if (o === undefined) {
      o = { root: TreeNode.empty(), strict: name.startsWith("strict"), version: 0, position: 0, history: [TreeNode.empty()] };
      this.objects.set(name, o);
    }
    return o;
  }

  /** Takes one frame of l; links are all that live. */
  handle(l: Link, f: Frame, links: readonly Link[]): void {
    switch (f[1]) {
      case 1:
        this.#open(l, f);
        break;
      case 5:
        if (f[2] !== "") this.faults.push("a close in the stream of a log");
        l.open.delete(f[3] as string);
        break;
      case 7:
        this.commit(l, commitOf(f), links);
        break;
      case 13:
      case 15:
        this.#recall(l, f);
        break;
      default:
        this.faults.push(`kind ${String(f[1])}`);
    }
  }

  #open(l: Link, f: Frame): void {
    const [, , , request, name, resume] = f as [number, number, string, number, string, [string, number, number, Uint8Array] | null];
    const o = this.object(name);
    if (l.open.has(name) && resume !== null) this.faults.push("open twice");
    if (this.denied.has(name)) {
      l.open.delete(name);
      l.toClient.push([3, 3, "", request, name, [Code.PermissionDenied, "dstm.denied", "not for you"]]);
      return;
    }
    l.open.add(name);
    let at: [number, number] | null = null;
    if (resume !== null && resume[0] === this.epoch) {
      if (resume[1] > o.version || hex(resume[3]) !== hex(hashOf(resume[2]))) this.faults.push("a resume point that never was");
      if (this.random.int(100) >= this.forget) at = [resume[1], resume[2]];
    }
    const [version, position] = at ?? [o.version, o.position];
    const head: Value[] = [3, 2, theLog, request, name, this.epoch, version, position, hashOf(position)];
    if (at === null) {
      this.#state(l, o, name, head, []);
    } else {
      l.toClient.push([...head, null, null, this.#flags(o), this.readable as Value, this.limits]);
      for (const e of this.entries) {
        if (e.parts.some((p) => p.object === name && p.version > version)) l.toClient.push(changeFrame(e, (n) => n === name, this.readable));
      }
    }
    l.toClient.push([3, 12, theLog, this.entries.length]);
  }

  #flags(o: Kept): number {
    return o.strict ? 1 : 0;
  }

  /** Sends a whole state: opened or reset, and its pieces. */
  #state(l: Link, o: Kept, name: string, head: Value[], reason: Value[]): void {
    const root = this.readable === null ? o.root : visible(o.root, this.readable);
    const terms = [this.readable as Value, this.limits];
    if (this.random.int(100) >= this.cut) {
      l.toClient.push([...head, root.value(), ...reason, shapeOf(root) as Value, this.#flags(o), ...terms]);
      return;
    }
    l.toClient.push([...head, Object.create(null) as Value, ...reason, null, this.#flags(o) | 2, ...terms]);
    const keys = root.ids();
    keys.forEach((key, i) => {
      const kid = root.find([key]) as TreeNode;
      l.toClient.push([3, 11, theLog, name, i === keys.length - 1, [[1, [key], kid.value(), shapeOf(kid) as Value]]]);
    });
    if (keys.length === 0) l.toClient.push([3, 11, theLog, name, true, []]);
  }

  /** Answers history and at. */
  #recall(l: Link, f: Frame): void {
    const [, kind, , request, name, from, to] = f as [number, number, string, number, string, number, number];
    const o = this.object(name);
    const done = (error: Value): void => void l.toClient.push([3, 17, "", request, name, error]);
    if (from > o.version) {
      done([Code.OutOfRange, "dstm.history", "never was"]);
    } else if (kind === 15) {
      const root = o.history[from] as TreeNode;
      l.toClient.push([3, 16, "", request, name, this.epoch, from, 1, hashOf(1), root.value(), shapeOf(root) as Value]);
    } else {
      for (const e of this.entries) {
        for (const p of e.parts) {
          if (p.object !== name || p.version <= from || (to > 0 && p.version > to)) continue;
          l.toClient.push([3, 14, "", request, name, p.version, e.position, new Time(1), unhex(e.client), "user", e.sequence, p.writes.map(writeToWire) as Value, null]);
        }
      }
      done(null);
    }
  }

  /** The server is as it was at some versions of its objects; whatever came behind is lost, and with it what it knew of its clients. */
  restore(epoch: string, versions: Readonly<Record<string, number>>): void {
    this.epoch = epoch;
    for (const [name, o] of this.objects) {
      o.version = versions[name] ?? 0;
      o.history.length = o.version + 1;
      o.root = o.history[o.version] as TreeNode;
      o.position = 0;
    }
    this.entries.length = 0;
    this.records.clear();
    this.dropped.clear();
  }

  /** A reset that nobody asked for. */
  reset(l: Link, name: string): void {
    const o = this.object(name);
    this.#state(l, o, name, [3, 4, theLog, name, this.epoch, o.version, o.position, hashOf(o.position)], ["why not"]);
    l.toClient.push([3, 12, theLog, this.entries.length]);
  }

  commit(l: Link, t: Commit, links: readonly Link[]): void {
    if (t.parts.every((p) => p.writes.length === 0)) {
      l.toClient.push(answer(t.sequence, this.#decide(l.client, t)));
      return;
    }
    let records = this.records.get(l.client);
    if (records === undefined) this.records.set(l.client, (records = new Map()));
    let r = records.get(t.sequence);
    if (r === undefined && t.again && t.parts.some((p) => p.epoch !== this.epoch)) {
      l.toClient.push([3, 9, theLog, t.sequence, [Code.Unavailable, "dstm.outcome_unknown", "another history", null, true], null]);
      return;
    }
    const before = this.dropped.get(l.client) ?? 0;
    this.dropped.set(l.client, Math.max(before, t.settled));
    if (this.forgetful && (t.sequence <= before || (r === undefined && [...records.keys()].some((s) => s > t.sequence)))) {
      l.toClient.push([3, 9, theLog, t.sequence, [9, "dstm.stale_sequence", "not above the last one"], null]);
      return;
    }
    if (r !== undefined) {
      if (r.digest !== t.digest) this.faults.push("sequence reused");
      if (!t.again && !this.forgetful) this.faults.push("sent again without saying so");
    } else {
      if (t.sequence <= before) this.faults.push("settled beyond an unanswered one");
      if ([...records.keys()].some((s) => s > t.sequence)) this.faults.push("sequences do not ascend");
      r = this.#decide(l.client, t);
      records.set(t.sequence, r);
      const e = this.entries.at(-1);
      if (r.position > 0 && e !== undefined) {
        for (const to of links) {
          if (e.parts.some((p) => to.open.has(p.object))) to.toClient.push(changeFrame(e, (n) => to.open.has(n), this.readable));
        }
      }
    }
    const remembered = [...records].filter(([s, x]) => s > (this.dropped.get(l.client) ?? 0) && x.position > 0).length;
    if (remembered > MAX_UNANSWERED) this.faults.push(`must remember ${remembered}`);
    l.toClient.push(answer(t.sequence, r));
  }

  #decide(client: string, t: Commit): Outcome {
    const r: Outcome = { digest: t.digest, position: 0, versions: [], objects: [], error: null, conflicts: [] };
    if (!t.again && this.random.int(100) < this.busy) {
      r.error = [Code.ResourceExhausted, "dstm.busy", "busy", null, false];
      return r;
    }
    const refusal = this.refusals.shift();
    if (refusal !== undefined || t.parts.some((p) => this.denied.has(p.object))) {
      r.error = refusal ?? [Code.PermissionDenied, "dstm.denied", "not for you"];
      return r;
    }
    const own = new Map<string, number[]>();
    for (const a of t.after) {
      const before = this.records.get(client)?.get(a);
      if (before === undefined && !this.forgetful) this.faults.push("depends on what never came");
      if (before === undefined || before.position === 0 || a <= (this.dropped.get(client) ?? 0)) {
        r.error = [Code.Aborted, "dstm.depends", "depends"];
        return r;
      }
      before.objects.forEach((name, i) => own.set(name, [...(own.get(name) ?? []), before.versions[i] as number]));
    }
    const roots: TreeNode[] = [];
    for (const [i, p] of t.parts.entries()) {
      const o = this.object(p.object);
      // The client's own rule for predictions happens to be the server's for commits; the totals that the tests check do not
      // depend on it.
      const made = own.get(p.object) ?? [];
      const root = apply(o.root, p.writes, o.version + 1);
      if (typeof root === "number" || p.epoch !== this.epoch || fails(p, { root: o.root, under: o.root, made, writes: p.writes, strict: o.strict }) !== null) {
        r.error = [Code.Aborted, "dstm.conflict", "conflict"];
        r.conflicts = [[i, ["some", "path"]]];
        return r;
      }
      roots.push(root);
    }
    if (t.parts.every((p) => p.writes.length === 0)) {
      r.position = this.entries.length;
      r.versions = t.parts.map((p) => this.object(p.object).version);
      return r;
    }
    const e: Entry = { position: this.entries.length + 1, client, sequence: t.sequence, parts: [] };
    for (const [i, p] of t.parts.entries()) {
      const o = this.object(p.object);
      r.objects.push(p.object);
      if (p.writes.length === 0) {
        r.versions.push(o.version);
        continue;
      }
      o.root = roots[i] as TreeNode;
      o.version++;
      o.position = e.position;
      o.history.push(o.root);
      e.parts.push({ object: p.object, version: o.version, writes: p.writes });
      r.versions.push(o.version);
    }
    r.position = e.position;
    this.entries.push(e);
    return r;
  }
}

function answer(sequence: number, r: Outcome): Frame {
  if (r.error === null) return [3, 8, theLog, sequence, r.position, r.versions];
  return [3, 9, theLog, sequence, r.error as Value, r.conflicts.length > 0 ? r.conflicts : null];
}

/** Of a tree, what is at and below these paths. */
function visible(root: TreeNode, readable: readonly Path[]): TreeNode {
  const edit = new Edit(TreeNode.empty(), root.changed);
  for (const path of readable) {
    const node = root.find(path);
    if (node !== undefined) edit.set(path, node.value(), shapeOf(node));
  }
  return edit.root;
}

function changeFrame(e: Entry, which: (object: string) => boolean, readable: Path[] | null): Frame {
  const terms = { ...usual, readable };
  const parts = e.parts.filter((p) => which(p.object)).map((p) => [p.object, p.version, showable(terms, p.writes).map(writeToWire)]);
  return [3, 10, theLog, e.position, hashOf(e.position), new Time(1), unhex(e.client), e.sequence, parts as Value, null];
}

export function hashOf(position: number): Uint8Array {
  const b = new Uint8Array(8);
  if (position > 0) {
    b[0] = 0xab;
    b[7] = position & 0xff;
  }
  return b;
}

export function unhex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

function commitOf(f: Frame): Commit {
  const [, , , sequence, settled, flags, position, after, , parts, attempt] = f;
  if (![sequence, settled, flags, position, attempt].every((n) => Number.isSafeInteger(n)) || !Array.isArray(parts)) {
    throw new TrefoilError(Code.InvalidArgument, "model", "a commit frame of another form");
  }
  const count = { n: 0 };
  return {
    sequence: sequence as number,
    settled: settled as number,
    again: ((flags as number) & 1) === 1,
    after: (after ?? []) as number[],
    digest: hex(sha256(encode([after, parts]))),
    parts: (parts as [string, string, number, Value[], Value][]).map(([object, epoch, base, reads, writes]) => ({
      object, epoch, base,
      reads: reads.map((v): Read => {
        const [kind, path, x, value, truth] = v as [Read["kind"], Value, Value, Value, Value];
        const guard = kind === ReadKind.Guard ? { op: x as number, value: value as Value, truth: truth !== false } : null;
        return { kind, path: readPath(path), hash: guard === null ? ((x ?? null) as Uint8Array | null) : null, guard };
      }),
      writes: readWrites(writes, count),
    })),
  };
}
