import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Client, conflictPaths, field, last, list, map, Reason, transaction, updateAll, UndoStack, variable, viewAll,
  type Change, type Commit, type ListRef, type Path, type Ref, type Revision, type SharedObject, type Tx, type Work,
} from "../../src/dstm/index.ts";
import type { Value, ValueMap } from "../../src/codec/value.ts";
import type { Pattern } from "../../src/transport/pattern.ts";

/** Compiles only if A and B are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;
const same = <A, B>(_: Same<A, B>): void => undefined;

/** Never called: it only has to compile, and where it says so, not to. */
async function types(board: SharedObject, tx: Tx): Promise<void> {
  const price = variable<number>("lots", "{id}", "price");
  const lot = variable<{ price: number; name?: string }>("lots", "{id}");
  same<ReturnType<typeof price.at>, Ref<number>>(true);
  same<Awaited<ReturnType<typeof board.update>>, Commit>(true);

  const bid = transaction<{ lot: string; price: number }>("bid", (tx, input) => price.at(input.lot).set(tx, input.price), { attempts: 1 });
  const work: Work = bid.submit(board, { lot: "7", price: 5 });
  bid.submit([board, board], { lot: "7", price: 5 }, { metadata: { a: "b" } });
  // @ts-expect-error another input
  bid.submit(board, { lot: 7 });
  same<Awaited<typeof work.done>, Commit>(true);
  same<Awaited<typeof work.stored>, boolean>(true);
  new Client({ transactions: [bid] }).inbox.retry("1", { lot: "8" });

  const maybe: number | undefined = price.at("1").get(tx);
  const sure: number = price.at("1").get(tx, 0);
  // @ts-expect-error there may be none
  const wrong: number = price.at("1").get(tx);
  const found = price.at("1").lookup(tx);
  if (found.exists) same<typeof found.value, number>(true);
  price.at("1").set(tx, 5);
  // @ts-expect-error no text
  price.at("1").set(tx, "5");
  price.at("1").add(tx, 1, { max: 10 });
  // @ts-expect-error only numbers add
  lot.at("1").add(tx, 1);
  for (const [id, l] of lot.all(tx)) same<[typeof id, typeof l.price], [string, number]>(true);
  const checked = variable("n").checked((v): v is number => typeof v === "number");
  same<ReturnType<typeof checked.at>, Ref<number>>(true);

  price.at("1").max(tx, 5n);
  // @ts-expect-error only numbers have a smaller one
  lot.at("1").min(tx, 1);
  const dear: boolean = price.at("1").guard(tx, ">=", 5);
  // @ts-expect-error no comparison
  price.at("1").guard(tx, "=", 5);
  // @ts-expect-error no text
  price.at("1").guard(tx, ">=", "5");
  same<ReturnType<typeof map<number>>["at"], (...params: string[]) => import("../../src/dstm/index.ts").MapRef<number>>(true);

  const tasks: ListRef<{ text: string; done?: boolean }> = list<{ text: string; done?: boolean }>("tasks").at();
  const id: string = tasks.insert(tx, last(), { text: "bread" });
  // @ts-expect-error a task has a text
  tasks.insert(tx, last(), { done: true });
  // @ts-expect-error a place is none of its own making
  tasks.move(tx, id, "last");
  field(tasks.element(id), "done").set(tx, true);
  // @ts-expect-error no text
  field(tasks.element(id), "done").set(tx, "yes");
  // @ts-expect-error no such field
  field(tasks.element(id), "colour");
  const either: number | string = tx.orElse(() => 1 as number | string, () => "b");
  const never: () => never = () => tx.retry();
  const commits: Commit[] = await updateAll([board], (t) => t.in(board).set(["n"], 1), { strict: true });
  const sum: number = await viewAll([board], (t) => price.at("1").get(t, 0));
  const stack: boolean = new UndoStack(board).canRedo;
  for await (const r of board.history(0)) same<typeof r, Revision>(true);
  const was: number = await board.viewAt(1, (t) => price.at("1").get(t, 0));
  void [dear, either, never, commits, sum, stack, was];

  const n: number = board.view((t) => price.at("1").get(t, 0));
  const root: ValueMap = board.snapshot();
  const at: Value | undefined = board.snapshot(["lots"]);
  for await (const change of board.changes(["lots"], { signal: AbortSignal.timeout(1) })) same<typeof change, Change>(true);
  const stop: () => void = board.onChange((change) => void change.path);
  // @ts-expect-error a path is a list of keys
  tx.read("lots");
  // @ts-expect-error read-only
  board.head.version = 1;
  // @ts-expect-error read-only
  board.pending.paths.push(["a"]);
  void [maybe, sure, wrong, n, root, at, stop];
}

test("the public names are there, and the client is a pattern", () => {
  assert.equal(typeof types, "function");
  const client: Pattern = new Client({ maxPending: 5 });
  assert.equal(client.name, "dstm");
  assert.equal(Reason.Conflict, "dstm.conflict");
  const none: Path[] = conflictPaths(new Error("another"));
  assert.deepEqual(none, []);
});
