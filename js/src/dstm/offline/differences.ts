import { encode } from "../../codec/index.ts";
import type { Value } from "../../codec/value.ts";
import type { Draft } from "../draft.ts";
import { copyPath, pathString } from "../path.ts";
import type { Core } from "../replica/core.ts";
import { targetOf } from "../txn/txn.ts";
import type { Difference } from "./types.ts";

/** The largest value that is kept beside a transaction. */
const MAX_VALUE = 64 * 1024;
/** All such values of one transaction, and its paths. */
const MAX_VALUES = 256 * 1024;
const MAX_PATHS = 256;

/** What runs would change: the values at the paths that they write, before and after. */
export function differencesOf(drafts: readonly Draft[]): Difference[] {
  const out: Difference[] = [];
  let left = MAX_VALUES;
  for (const d of drafts) {
    const seen = new Set<string>();
    for (const w of d.part.writes) {
      const path = copyPath(targetOf(w));
      const key = pathString(path);
      if (seen.has(key) || out.length >= MAX_PATHS) continue;
      seen.add(key);
      const [base, mine] = [d.view.root.find(path)?.value(), d.root.find(path)?.value()];
      const [a, b] = [sizeOf(base), sizeOf(mine)];
      const elided = a > MAX_VALUE || b > MAX_VALUE || a + b > left;
      if (!elided) left -= a + b;
      out.push({ object: d.part.object, path, base: elided ? undefined : base, mine: elided ? undefined : mine, theirs: undefined, elided });
    }
  }
  return out;
}

/** The same, with what is confirmed now. */
export function withTheirs(core: Core, differences: readonly Difference[]): Difference[] {
  return differences.map((d) => {
    const theirs = core.objects.get(d.object)?.root?.find(d.path)?.value();
    return Object.freeze(sizeOf(theirs) > MAX_VALUE ? { ...d, elided: true } : { ...d, theirs });
  });
}

function sizeOf(v: Value | undefined): number {
  return v === undefined ? 0 : encode(v).length;
}
