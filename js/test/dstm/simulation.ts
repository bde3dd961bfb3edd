import assert from "node:assert/strict";
import { decode, encode, equal } from "../../src/codec/index.ts";
import type { Value } from "../../src/codec/value.ts";
import { touches, type Path } from "../../src/dstm/path.ts";
import { Core } from "../../src/dstm/replica/core.ts";
import { PREDICTED, type Changed, type State } from "../../src/dstm/replica/types.ts";
import { diff } from "../../src/dstm/tree/diff.ts";
import { after, before, first, last, type Place } from "../../src/dstm/place.ts";
import type { TreeNode } from "../../src/dstm/tree/node.ts";
import { shapeOf } from "../../src/dstm/tree/shape.ts";
import type { Tx } from "../../src/dstm/tx.ts";
import { apply } from "../../src/dstm/txn/txn.ts";
import { submitOn } from "./drafts.ts";
import { Model, newLink, type Link } from "./model.ts";
import { Random } from "./random.ts";

const names = ["a", "b", "strict"];
const kinds = ["add", "transfer", "set", "delete", "keys", "subtree", "both", "insert", "remove", "move", "stock", "max"] as const;

const readable = ["total", "bank", "map", "keys", "cross", "list", "stock", "max"].map((key) => [key]);

interface Goal {
  kind: (typeof kinds)[number];
  object: string;
  sum: number;
  done: boolean;
  running: boolean;
  /** What the last run of it did: an element taken away, an item taken from the stock. */
  took?: boolean;
}

/** A client with somebody who uses it. */
interface Person {
  id: string;
  core: Core;
  link: Link | null;
  /** As the events tell them. */
  folds: Map<string, TreeNode>;
  checked: Map<string, [TreeNode, TreeNode]>;
  /** That transactions were made on last. */
  states: Map<string, State>;
  /** Sequence -> goal. */
  running: Map<number, Goal>;
  settled: Set<number>;
  wants: string[];
  goals: Goal[];
}

/** A server, some clients and the network between them, driven by one seed. */
export class Simulation {
  readonly random: Random;
  readonly server: Model;
  readonly people: Person[] = [];
  readonly trace: string[] = [];
  /** What the transaction under way was made on. */
  #view: State | null = null;

  constructor(readonly seed: number, clients: number) {
    this.random = new Random(seed);
    this.server = new Model(this.random);
    for (let i = 0; i < clients; i++) {
      const p: Person = {
        id: (i + 1).toString(16).padStart(2, "0").padEnd(32, "0"), core: new Core(i * 1000, 200), link: null,
        folds: new Map(), checked: new Map(), states: new Map(), running: new Map(), settled: new Set(), wants: [], goals: [],
      };
      for (const name of names) {
        if (name === "a" || this.random.int(3) > 0) {
          p.wants.push(name);
          p.core.open(name);
        }
      }
      this.people.push(p);
    }
  }

  fail(text: string): never {
    throw new assert.AssertionError({ message: `seed ${this.seed}: ${text}\n${this.trace.slice(-40).join("\n")}` });
  }

  note(text: string): void {
    this.trace.push(text);
  }

  #links(): Link[] {
    return this.people.flatMap((p) => (p.link === null ? [] : [p.link]));
  }

  /** Does one random thing; calm ones only bring the system to rest. Says whether one person is at rest. */
  step(calm: boolean): boolean {
    const p = this.random.pick(this.people);
    const n = this.random.int(100);
    if (n < 8) {
      if (p.link === null) {
        p.link = newLink(p.id);
        // All that is ever written may be read, but what the client holds may not fit what it is told now.
        if (this.seed % 5 === 4) this.server.readable = this.random.pick([null, readable]);
        this.note(`${p.id} connects`);
        p.core.connect(p.id);
      }
    } else if (n < 15 && !calm) {
      this.#disturb(p, n);
    } else if (n < 35 && !calm) {
      this.#begin(p);
    } else if (n < 55) {
      const f = p.core.next();
      if (f !== null && p.link !== null) {
        p.link.toServer.push(decode(encode(f)) as Value[]);
        p.core.sent();
      }
    } else if (n < 75) {
      const f = p.link?.toServer.shift();
      if (f !== undefined) this.server.handle(p.link as Link, f, this.#links());
    } else {
      const f = p.link?.toClient.shift();
      if (f !== undefined) this.#receive(p, decode(encode(f)) as Value[]);
    }
    this.#listen(p);
    this.#check(p);
    const { link, core } = p;
    return link !== null && link.toServer.length + link.toClient.length === 0 && core.next() === null && p.running.size === 0;
  }

  #receive(p: Person, [, kind, stream, ...body]: Value[]): void {
    this.note(`${p.id} receives kind ${String(kind)}`);
    p.core.receive(kind as number, stream as string, body);
    for (const v of body) if (v instanceof Uint8Array) v.fill(0xff); // the core must not have kept it
  }

  #disturb(p: Person, n: number): void {
    if (n < 11) this.#cut(p);
    else if (n < 12) this.#reopen(p);
    else if (n < 14) this.#misbehave(p);
    else this.#withdraw(p);
  }

  #cut(p: Person): void {
    if (p.link === null) return;
    this.note(`${p.id} is cut, ${p.link.toServer.length} and ${p.link.toClient.length} frames lost`);
    p.link = null;
    p.core.lost();
  }

  /** Loses one change, or sends a reset that nobody asked for. */
  #misbehave(p: Person): void {
    if (p.link === null) return;
    if (this.random.int(2) === 0) {
      const i = p.link.toClient.findIndex((f) => f[1] === 10);
      if (i >= 0) {
        this.note(`a change to ${p.id} is lost`);
        p.link.toClient.splice(i, 1);
      }
      return;
    }
    const name = this.random.pick(names);
    if (p.link.open.has(name)) this.server.reset(p.link, name);
  }

  #withdraw(p: Person): void {
    const least = Math.min(...p.running.keys());
    const goal = p.running.get(least);
    if (goal === undefined || !p.core.withdraw(least)) return;
    this.note(`${p.id} withdraws ${least}`);
    goal.running = false;
    p.running.delete(least);
  }

  /** Closes or opens an object. */
  #reopen(p: Person): void {
    const name = this.random.pick(names);
    if (p.wants.includes(name)) {
      p.wants = p.wants.filter((w) => w !== name);
      p.core.close(name);
      p.folds.delete(name);
      this.note(`${p.id} closes ${name}`);
      return;
    }
    p.wants.push(name);
    p.core.open(name);
    this.note(`${p.id} opens ${name}`);
  }

  /** Runs the next transaction of a person: a new goal, or one that was refused. */
  #begin(p: Person): void {
    let goal = p.goals.filter((g) => !g.done && !g.running).at(-1);
    if (goal === undefined) {
      if (p.wants.length === 0 || p.goals.length > 40) return;
      goal = { kind: this.random.pick(kinds), object: this.random.pick(p.wants), sum: this.random.int(9) + 1, done: false, running: false };
      p.goals.push(goal);
    }
    this.#run(p, goal);
  }

  #run(p: Person, g: Goal): void {
    let state = p.core.state(g.object);
    if (state === undefined || !p.wants.includes(g.object)) return;
    let stale = false;
    const old = p.states.get(g.object);
    if (this.random.int(3) === 0 && old !== undefined && old.epoch === state.epoch) {
      state = old; // somebody else was faster
      stale = true;
    }
    p.states.set(g.object, state);
    this.#view = state;
    const states = new Map<string, State>();
    const other = g.kind === "both" && g.object !== "a" && p.core.level("log") ? p.core.state("a") : undefined;
    if (other !== undefined) states.set("a", other);
    states.set(g.object, state);
    const given = submitOn(p.core, states, (txs) => this.#pursue(g, txs.get(g.object) as Tx, other === undefined ? undefined : txs.get("a")));
    this.note(`${p.id} runs ${JSON.stringify(g)}: ${"sequence" in given ? given.sequence : given.error.toString()}`);
    if ("error" in given) {
      if (given.error.reason === "test.awaited") return;
      if (!stale || given.error.code !== 10) this.fail(`submit: ${given.error.toString()}`);
      return;
    }
    p.running.set(given.sequence, g);
    g.running = true;
  }

  #pursue(g: Goal, tx: Tx, other: Tx | undefined): void {
    const number = (...path: string[]): number => (tx.read(path) ?? 0) as number;
    switch (g.kind) {
      case "add":
        tx.add(["total"], g.sum);
        break;
      case "both":
        if (other !== undefined) {
          other.read(["keys"]);
          other.add(["cross"], g.sum);
          tx.add(["cross"], -g.sum);
        }
        tx.set(["keys"], g.sum);
        break;
      case "transfer": {
        const [left, right] = [number("bank", "left"), number("bank", "right")];
        tx.set(["bank", "left"], left - g.sum);
        tx.set(["bank", "right"], right + g.sum);
        break;
      }
      case "set":
        tx.set(["map", `k${g.sum % 3}`, "x"], g.sum);
        break;
      case "delete":
        tx.delete(["map", `k${g.sum % 3}`]);
        break;
      case "keys":
        tx.keys(["map"]);
        tx.overwrite(["keys"], g.sum);
        break;
      case "subtree":
        tx.set(["map"], {});
        tx.set(["map", "k1", "x"], this.random.int(5));
        break;
      case "insert":
        tx.insert(["list"], this.#place(tx), g.sum);
        break;
      case "remove": {
        const [id] = tx.keys(["list"]);
        if (id !== undefined) tx.delete(["list", id]);
        tx.overwrite(["keys"], g.sum);
        g.took = id !== undefined;
        break;
      }
      case "move": {
        const ids = this.#peek(tx);
        if (ids.length > 1) tx.move(["list"], ids[0] as string, this.random.int(2) === 0 ? last() : after(this.random.pick(ids.slice(1))));
        tx.overwrite(["keys"], g.sum);
        break;
      }
      case "stock":
        g.took = tx.guard(["stock"], ">=", 1);
        tx.add(["stock"], g.took ? -1 : g.sum, { min: 0 });
        break;
      case "max":
        tx.max(["max"], g.sum);
        break;
    }
  }

  /** The ids of the list, without reading them. */
  #peek(tx: Tx): string[] {
    const view = this.#view;
    return tx.guardLength(["list"], ">", 0) ? (view?.root.find(["list"])?.ids() ?? []) : [];
  }

  #place(tx: Tx): Place {
    const ids = this.#peek(tx);
    const beside = [after, before][this.random.int(2)] as typeof after;
    return ids.length === 0 || this.random.int(3) === 0 ? [first(), last()][this.random.int(2)] as Place : beside(this.random.pick(ids));
  }

  /** Takes the events. */
  #listen(p: Person): void {
    for (const e of p.core.takeEvents()) {
      switch (e.kind) {
        case "settled": {
          if (p.settled.has(e.sequence)) this.fail(`${e.sequence} settled twice`);
          p.settled.add(e.sequence);
          const g = p.running.get(e.sequence) ?? this.fail(`${e.sequence} settled but does not run`);
          p.running.delete(e.sequence);
          g.done = e.error === null;
          g.running = false;
          this.note(`${p.id} settled ${e.sequence}: ${String(e.error)}`);
          break;
        }
        case "changed":
          if (p.wants.includes(e.object)) this.#changed(p, e); // others are on their way to be closed
          break;
        case "refused":
        case "ended":
          this.fail(`${e.object} ended: ${String(e.error)}`);
      }
    }
  }

  /** Checks that the steps told are without gaps and name all that differs. */
  #changed(p: Person, e: Changed): void {
    const before = p.folds.get(e.object);
    if (before !== undefined && before !== e.before) this.fail(`a step of ${e.object} does not begin where the last one ended`);
    const { paths } = e;
    if (paths !== null) {
      diff([], e.before, e.after, (path: Path) => {
        if (!paths.some((q) => touches(path, q))) this.fail(`a step of ${e.object} changes ${path.join("/")}, origin ${e.origin}`);
        return true;
      });
    }
    p.folds.set(e.object, e.after);
  }

  /** Compares what a person sees with what it should be. */
  #check(p: Person): void {
    if (this.server.faults.length > 0) this.fail(`the server found fault: ${this.server.faults.join(", ")}`);
    for (const name of p.wants) {
      const state = p.core.state(name);
      const o = p.core.objects.get(name);
      if (state === undefined || o === undefined || o.root === null) continue;
      const fold = p.folds.get(name);
      if (fold !== undefined && fold !== state.root) this.fail(`the steps of ${name} do not lead to its state`);
      const last = p.checked.get(name);
      if (last?.[0] === o.root && last[1] === state.root) continue;
      p.checked.set(name, [o.root, state.root]);
      const truth = this.server.object(name).history[state.version] as TreeNode;
      if (!same(o.root, truth)) this.fail(`${name} at version ${state.version} is not what it was`);
      let want = truth;
      for (const l of o.layers) {
        if (!l.shown) continue;
        const r = this.server.records.get(p.id)?.get(l.tx.sequence);
        if (r !== undefined && r.position > 0 && (r.versions[r.objects.indexOf(name)] as number) <= state.version) {
          this.fail(`${p.id} shows ${l.tx.sequence} twice`);
        }
        const next = apply(want, l.part.writes, PREDICTED);
        if (typeof next !== "number") want = next;
      }
      if (!same(state.root, want)) this.fail(`the fold of ${name} is wrong`);
    }
  }

  /** Brings everything to an end and checks it. */
  rest(): void {
    this.server.busy = 0;
    // A change that was lost without another behind it shows at the next opening only.
    for (const p of this.people) this.#cut(p);
    for (let quiet = 0, n = 0; quiet < 40 * this.people.length; n++) {
      if (n > 400_000) this.fail("does not come to rest");
      quiet = this.step(true) ? quiet + 1 : 0;
      for (const p of this.people) {
        for (const g of p.goals) {
          if (!g.done && !g.running && p.wants.includes(g.object)) {
            this.#run(p, g);
            this.#listen(p);
          }
        }
      }
    }
    for (const p of this.people) {
      for (const name of p.wants) {
        const state = p.core.state(name);
        if (state === undefined || !same(state.root, this.server.object(name).root)) this.fail(`${p.id} ends with another ${name}`);
      }
      if (p.core.queued !== 0 || p.running.size !== 0) this.fail(`${p.id} ends with ${p.core.queued} transactions unanswered`);
      for (const j of p.core.journals) {
        if (j.queue.length > 0 || j.flying > 0) this.fail(`${p.id} ends with a queue of ${j.queue.length}`);
      }
    }
    this.#totals();
  }

  /** Checks that every goal took effect exactly once. */
  #totals(): void {
    let cross = 0;
    for (const name of names) {
      const goals = this.people.flatMap((p) => p.goals).filter((g) => g.done && g.object === name && g.kind === "add");
      const want = goals.reduce((sum, g) => sum + g.sum, 0);
      const { root } = this.server.object(name);
      const number = (...path: string[]): number => (root.find(path)?.leaf ?? 0) as number;
      cross += number("cross");
      if (number("total") !== want) this.fail(`the total of ${name} is ${number("total")}, not ${want}`);
      const done = this.people.flatMap((p) => p.goals).filter((g) => g.done && g.object === name);
      const of = (kind: Goal["kind"]): Goal[] => done.filter((g) => g.kind === kind);
      const elements = root.find(["list"])?.ids().length ?? 0;
      const inserted = of("insert").length - of("remove").filter((g) => g.took).length;
      if (elements !== inserted) this.fail(`the list of ${name} has ${elements} elements, not ${inserted}`);
      const stock = of("stock").reduce((n, g) => n + (g.took ? -1 : g.sum), 0);
      if (number("stock") !== stock || stock < 0) this.fail(`the stock of ${name} is ${number("stock")}, not ${stock}`);
      if (number("max") !== Math.max(0, ...of("max").map((g) => g.sum))) this.fail(`the maximum of ${name} is ${number("max")}`);
      if (number("bank", "left") + number("bank", "right") !== 0) this.fail(`the bank of ${name} made money`);
    }
    if (cross !== 0) this.fail(`half of a transaction took effect: ${cross}`);
  }
}

function same(a: TreeNode, b: TreeNode): boolean {
  return equal(a.value(), b.value()) && equal(shapeOf(a), shapeOf(b));
}

/** One whole run. */
export function simulate(seed: number): void {
  const s = new Simulation(seed, 2 + (seed % 3));
  s.server.busy = seed % 7;
  s.server.cut = [0, 50, 100][seed % 3] as number;
  s.server.forget = [0, 10, 50, 100][seed % 4] as number;
  for (let n = 300 + s.random.int(600); n > 0; n--) s.step(false);
  s.rest();
}
