import type { Path } from "../path.ts";
import { TreeNode } from "../tree/node.ts";
import { fails } from "../txn/judge.ts";
import { apply, changedPaths } from "../txn/txn.ts";
import { clean, unblock } from "./journal.ts";
import { remove } from "./object.ts";
import { PREDICTED, type Context, type Layer, type Origin, type Replica, type Step, type Submission } from "./types.ts";

/** What the input that is worked on does to a replica. */
function stepOf(c: Context, o: Replica): Step {
  if (o.step === null) {
    o.step = { stale: false, before: null, next: null, origin: "remote", landed: false, kept: false, paths: null, taken: [] };
    c.touched.push(o);
  }
  return o.step;
}

/** Notes that the confirmed root of an object is about to change. */
export function change(c: Context, o: Replica, origin: Origin, paths: readonly Path[] | null): Step {
  const step = stepOf(c, o);
  if (step.before === null) {
    step.before = o.root ?? TreeNode.empty();
    step.origin = origin;
    step.paths = paths;
  }
  step.stale = true;
  return step;
}

/** Removes a layer whose writes will not be seen, or not as they were. */
export function take(c: Context, l: Layer): void {
  if (l.shown) lose(c, l);
  remove(l);
}

/** Takes a prediction back, and those that depend on it. */
export function hide(c: Context, p: Submission): void {
  p.hidden = true;
  for (const l of p.layers) {
    if (l.shown) {
      l.shown = false;
      lose(c, l);
    }
  }
  for (const q of p.log.queue) {
    if (!q.hidden && q.after.includes(p.sequence)) hide(c, q);
  }
}

function lose(c: Context, l: Layer): void {
  const step = stepOf(c, l.object);
  l.object.visible = null;
  step.taken.push(...changedPaths(l.writes));
  step.stale = true;
}

/** Ends every input: folds are made again where that is due, users are told, and what waited may go. */
export function done(c: Context): void {
  for (let again = true; again; ) {
    again = false;
    for (let i = 0; i < c.touched.length; i++) {
      // composing may touch more
      const o = c.touched[i] as Replica;
      const step = o.step as Step;
      if (!step.stale || o.root === null) continue;
      step.next = o.fold;
      if (!step.kept || step.taken.length > 0) step.next = compose(c, o, o.root, true);
      else if (!o.layers.some((l) => l.shown)) step.next = o.root; // the same, with the versions that count
      step.stale = false;
      again = true;
    }
  }
  const touched = c.touched;
  c.touched = [];
  for (const o of touched) {
    const step = o.step as Step;
    o.step = null;
    if (step.next !== null && c.objects.get(o.name) === o) tell(c, o, step, step.next);
  }
  for (const j of [...c.journals]) unblock(c, j);
  settleTouched(c);
  clean(c);
}

/** What unblock has taken back is told as an input of its own. */
function settleTouched(c: Context): void {
  if (c.touched.length > 0) done(c);
}

/** Emits the step to root, the new fold. */
function tell(c: Context, o: Replica, step: Step, root: TreeNode): void {
  let before = o.fold;
  o.fold = root;
  if (before === null) return;
  const base = { kind: "changed", object: o.name, version: o.version } as const;
  let origin = step.origin;
  let paths = step.paths;
  if (step.before === null) {
    origin = "rollback";
    paths = step.taken;
  } else if (origin !== "reset" && step.taken.length > 0 && step.landed) {
    // The own commit was seen already; what differs now is what it cost other predictions.
    origin = "rollback";
    paths = [...step.taken, ...(step.paths ?? [])];
  } else if (origin !== "reset" && step.taken.length > 0) {
    // First what was taken back, on the state before, so that each change has its author.
    const back = compose(c, o, step.before, false);
    c.events.push({ ...base, before, after: back, origin: "rollback", paths: step.taken });
    before = back;
  }
  c.events.push({ ...base, before, after: root, origin, paths });
}

/** Root with the layers of o that are shown. If judge, layers that no longer hold are hidden; otherwise they are passed over. */
function compose(c: Context, o: Replica, root: TreeNode, judge: boolean): TreeNode {
  let under = root;
  for (const l of o.layers) {
    if (!l.shown) continue;
    const next = apply(under, l.writes, PREDICTED);
    if (judge && (typeof next === "number" || fails(l.part, { root, under, made: l.made, writes: l.writes, strict: o.terms.strict }) !== null)) {
      hide(c, l.tx);
      continue;
    }
    if (typeof next !== "number") under = next;
  }
  return under;
}
