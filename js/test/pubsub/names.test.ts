import assert from "node:assert/strict";
import { test } from "node:test";
import { Matcher } from "../../src/pubsub/matcher.ts";
import { checkFilter, checkTopic, isPlain } from "../../src/pubsub/name.ts";
import { topic } from "../../src/pubsub/index.ts";
import { thrown } from "../rpc/fake.ts";

const good = ["a", "a.b.c", "ns:a.b", "ä.日本", "a-b_c/d", "x".repeat(255)];
const wild = ["*", ">", "a.*", "a.>", "*.b.*", "ns:>", "*.>"];
const bad = [
  "", ".", "a.", ".a", "a..b", "a b", "a\u00a0b", "a\u2028b", "a\nb", "a\u0085", "a\u007f", "ns:", ":a", "a:b:c", "n.s:a", "a*", "a.>b", "*:a",
  "x".repeat(256), "é".repeat(128), "a\ud800",
];

test("topics and filters", () => {
  for (const name of good) {
    checkTopic(name);
    checkFilter(name);
    assert.ok(isPlain(name));
  }
  for (const name of wild) {
    assert.equal(thrown(() => checkTopic(name)).reason, "pubsub.bad_topic", name);
    checkFilter(name);
    assert.ok(!isPlain(name), name);
  }
  for (const name of [...bad, ">.a", "a.>.b"]) assert.equal(thrown(() => checkFilter(name)).reason, "pubsub.bad_topic", name);
  assert.ok(isPlain("a") && !isPlain("a.>"));
});

test("templates", () => {
  const t = topic("shop:orders.{customer}.{order}.done");
  assert.equal(t.at("ann", "7").topic, "shop:orders.ann.7.done");
  assert.equal(t.all().filter, "shop:orders.*.*.done");
  assert.equal(t.template, "shop:orders.{customer}.{order}.done");
  assert.equal(topic("{only}").at("x").topic, "x");
  assert.equal(topic("plain.topic").at().topic, "plain.topic");
  for (const param of ["", "a.b", "*", ">", "a.>", "a:b", "a b", "\u0000", "a\ud800"]) {
    assert.equal(thrown(() => t.at(param, "7")).reason, "pubsub.bad_topic", param);
  }
  for (const params of [[], ["a"], ["a", "b", "c"], ["a", 7]]) {
    assert.equal(thrown(() => (t as { at(...p: unknown[]): unknown }).at(...params)).reason, "pubsub.bad_topic");
  }
  assert.equal(thrown(() => t.at("x".repeat(250), "7")).reason, "pubsub.bad_topic");
  for (const text of ["", "a.{b", "a.b}", "a.x{b}", "a.{}", "{ns}:a", "a.*", "a.{b}.>", "a.{b.c}", "a.{{b}}", ":a"]) {
    assert.equal(thrown(() => topic(text)).reason, "pubsub.bad_topic", text);
  }
});

test("the matcher agrees with a naive one, and is empty in the end", () => {
  const naive = (filter: string[], name: string[]): boolean => {
    if (filter[0] === ">" && filter.length === 1) return name.length > 0;
    if (filter.length === 0 || name.length === 0) return filter.length === name.length;
    return (filter[0] === "*" || filter[0] === name[0]) && naive(filter.slice(1), name.slice(1));
  };
  const words = ["a", "b"];
  const names = words.flatMap((x) => [x, ...words.flatMap((y) => [`${x}.${y}`, ...words.map((z) => `${x}.${y}.${z}`)])]);
  const parts = ["a", "b", "*"];
  const filters = [">", ...parts.flatMap((x) => [x, `${x}.>`, ...parts.flatMap((y) => [`${x}.${y}`, `${x}.${y}.>`, ...parts.map((z) => `${x}.${y}.${z}`)])])];
  const m = new Matcher<string>();
  for (const f of [...filters, ...filters]) m.add(f, f);
  for (const name of names) {
    assert.deepEqual([...m.collect(name)].sort(), filters.filter((f) => naive(f.split("."), name.split("."))).sort(), name);
    assert.deepEqual(m.collect(`ns:${name}`), []);
  }
  for (const f of [...filters, ...filters]) m.remove(f, f);
  for (const name of names) assert.deepEqual(m.collect(name), []);
});

test("a topic that no server may send finds each filter once, whatever its wildcards", () => {
  const m = new Matcher<string>();
  const deep = Array.from({ length: 30 }, () => "*").join(".");
  m.add("a.*", "any");
  m.add("a.>", "rest");
  m.add(deep, "deep"); // found 2^30 times it would never end
  assert.deepEqual([...m.collect("a.*")].sort(), ["any", "rest"]);
  assert.deepEqual([...m.collect("a.>")].sort(), ["any", "rest"]);
  assert.deepEqual(m.collect(deep), ["deep"]);
});
