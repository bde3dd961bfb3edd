import { Group } from "./group.ts";
import { SharedObject, type WaitOptions } from "./object.ts";
import { Run } from "./run.ts";
import type { Desk } from "./desk.ts";
import type { Tx } from "./tx.ts";
import { update, type UpdateOptions } from "./update.ts";
import type { Commit } from "./view.ts";

/**
 * Runs fn as one transaction on several objects, as {@link SharedObject.update} does on one: all changes commit or none, and nobody sees some of them
 * without the others. Fn gets the Tx of the first object; {@link Tx.in} leads to the others. The commits are those of the objects, in their order; of
 * one that was not written, the version that was seen.
 *
 * All objects must belong to one client and share a log, and be at most 16. While the client comes back and its objects are not yet as they were at
 * one position, this waits.
 */
export async function updateAll(objects: readonly SharedObject[], fn: (tx: Tx) => void, options: UpdateOptions = {}): Promise<Commit[]> {
  const { group, places } = distinct(objects);
  const commits = await update(group, fn, options);
  return places.map((i) => commits[i] as Commit);
}

/**
 * Runs fn on several objects as they were at one position of their log, own unanswered transactions included, and resolves to what it returns.
 * Writes in fn throw. The objects must be such as for {@link updateAll}. Unlike `view` it may have to wait.
 */
export async function viewAll<T>(objects: readonly SharedObject[], fn: (tx: Tx) => T, options: WaitOptions = {}): Promise<T> {
  const { group } = distinct(objects);
  const views = await group.views(options.signal);
  return new Run(views, true, group.hub).call(fn) as T;
}

/** The objects without those that are another's again, and where among them each is. */
function distinct(objects: readonly SharedObject[]): { group: Group; places: number[] } {
  const desks: Desk[] = [];
  const places = objects.map((o) => {
    const desk = SharedObject.desk(o);
    let at = desks.findIndex((d) => d.hub === desk.hub && d.shared.name === desk.shared.name);
    if (at < 0) at = desks.push(desk) - 1;
    return at;
  });
  return { group: new Group(desks), places };
}
