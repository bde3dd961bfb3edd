import { Code } from "../../status.ts";
import { fault, Reason } from "../errors.ts";
import { sameLeaf } from "../tree/leaf.ts";
import { sameIds, TreeNode } from "../tree/node.ts";
import { refuseUnsent } from "./journal.ts";
import { remove } from "./object.ts";
import { displace } from "./own.ts";
import { change, hide } from "./show.ts";
import type { Context, Journal, Replica, Snapshot } from "./types.ts";

/** Replaces what an object holds. */
export function install(c: Context, o: Replica, s: Snapshot, fresh: TreeNode): void {
  const same = o.root !== null && o.epoch === s.epoch;
  change(c, o, "reset", null);
  if (o.root !== null && o.log !== null) displace(c, o.log.name, o.name, null);
  o.root = same && o.root !== null ? graft(o.root, fresh, s.version) : fresh;
  o.epoch = s.epoch;
  o.version = s.version;
  o.position = s.position;
  o.hash = s.hash;
  o.mistaken = false;
  for (const l of [...o.layers]) {
    if (l.reached > 0) {
      if (!same || l.reached <= s.version) remove(l);
    } else if (!same || l.tx.sent) {
      // The state may hold the writes already, and nothing says so: showing them above it could show an addition twice. The
      // change or the answer will tell (docs/decisions/0005-client-replica.md).
      hide(c, l.tx);
    }
  }
  // What was made in another epoch and never sent can only be refused.
  refuseUnsent(
    c,
    o.log as Journal,
    (p) => p.parts.some((part) => part.object === o.name && part.epoch !== s.epoch),
    fault(Code.Aborted, Reason.Conflict, "the object began a new epoch"),
  );
}

/**
 * Fresh, a later state of the same object without versions, with all nodes of old whose value is still the same. What differs gets
 * version. So predictions can be judged across a snapshot, and the difference costs what changed.
 */
function graft(old: TreeNode, fresh: TreeNode, version: number): TreeNode {
  if (old.leaf !== undefined || fresh.leaf !== undefined || old.isList !== fresh.isList) {
    const same = old.leaf !== undefined && fresh.leaf !== undefined && sameLeaf(old.leaf, fresh.leaf);
    return same ? old : fresh;
  }
  const sameKeys = sameIds(old, fresh);
  let { kids } = old;
  for (const [key] of old.kids) {
    if (!fresh.kids.has(key)) kids = kids.delete(key);
  }
  for (const [key, kid] of fresh.kids) {
    const was = old.kids.get(key);
    const merged = was === undefined ? kid : graft(was, kid, version);
    if (merged !== was) kids = kids.put(key, merged);
  }
  if (sameKeys && kids === old.kids) return old;
  return new TreeNode(undefined, kids, sameKeys ? old.order : fresh.order, old.written, sameKeys ? old.keys : version, version);
}
