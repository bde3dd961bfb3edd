import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, TrefoilError, codeName, isCode } from "../src/status.ts";

test("the codes have their numbers and names", () => {
  const names = "canceled unknown invalid_argument deadline_exceeded not_found already_exists permission_denied resource_exhausted failed_precondition aborted out_of_range unimplemented internal unavailable data_loss unauthenticated";
  assert.deepEqual(Object.values(Code).map(codeName), names.split(" "));
  assert.deepEqual(Object.values(Code), Array.from({ length: 16 }, (_, i) => i + 1));
  assert.equal(codeName(77), "code_77");
  for (const bad of [0, 17, 1.5, "1", null]) assert.equal(isCode(bad), false);
});

test("errors say what they are", () => {
  const cause = new Error("inner");
  const err = new TrefoilError(Code.Aborted, "dstm.conflict", "lost", { unknown: true, details: { n: 1 }, cause });
  assert.ok(err instanceof Error && err.is("dstm.conflict") && err.is(Code.Aborted) && !err.is("dstm") && !err.is(3));
  assert.equal(String(err), "aborted: lost (dstm.conflict), outcome unknown");
  assert.equal(err.cause, cause);
  assert.equal(new TrefoilError(Code.Unknown, "", "").is(""), false);
  assert.equal(String(new TrefoilError(Code.Unknown, "", "")), "unknown");
});

test("any thrown thing becomes one", () => {
  const own = new TrefoilError(Code.NotFound, "x.y", "gone");
  assert.equal(TrefoilError.from(own), own);
  assert.equal(TrefoilError.from(AbortSignal.abort().reason).code, Code.Canceled);
  assert.equal(TrefoilError.from(new DOMException("late", "TimeoutError")).code, Code.DeadlineExceeded);
  for (const thing of [new Error("secret"), "secret", null, undefined]) {
    const err = TrefoilError.from(thing);
    assert.equal(err.code, Code.Unknown);
    assert.ok(!String(err).includes("secret"));
  }
});
