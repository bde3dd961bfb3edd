import assert from "node:assert/strict";
import { test } from "node:test";
import { compareKeys } from "../../src/dstm/path.ts";
import { Order, Where } from "../../src/dstm/tree/order.ts";
import { Sorted } from "../../src/dstm/tree/sorted.ts";
import { Random } from "./random.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000);

test("a sorted map does what a Map does, and old ones stay as they were", () => {
  const random = new Random(seed);
  for (let round = 0; round < 20; round++) {
    const width = random.pick([10, 100, 3000]);
    const model = new Map<string, number>();
    let map = Sorted.empty<string, number>(compareKeys);
    if (round % 2 === 0) {
      const keys = [...new Set(Array.from({ length: width }, () => `k${random.int(width)}`))].sort(compareKeys);
      keys.forEach((key, i) => model.set(key, i));
      map = Sorted.from(compareKeys, keys, keys.map((_, i) => i));
    }
    for (let i = 0; i < 3000; i++) {
      const key = `k${random.int(width)}`;
      const [before, size, old] = [map, map.size, map.get(key)];
      if (random.int(3) === 0) {
        map = map.delete(key);
        model.delete(key);
      } else {
        map = map.put(key, i);
        model.set(key, i);
      }
      assert.deepEqual([map.get(key), map.size, before.get(key), before.size], [model.get(key), model.size, old, size], `seed ${seed}`);
    }
    const sorted = [...model].sort((a, b) => compareKeys(a[0], b[0]));
    assert.deepEqual([...map], sorted, `seed ${seed}`);
    const keys = sorted.map(([key]) => key);
    for (let i = 0; i < 50; i++) {
      const key = `k${random.int(width)}`;
      assert.equal(map.above(key)?.[0], keys.find((k) => compareKeys(k, key) > 0), `seed ${seed}`);
      assert.equal(map.below(key)?.[0], keys.filter((k) => compareKeys(k, key) < 0).at(-1), `seed ${seed}`);
    }
    assert.deepEqual([map.above()?.[0], map.below()?.[0]], [keys[0], keys.at(-1)]);
    for (const key of keys) map = map.delete(key);
    assert.deepEqual([map.size, [...map], map.above()], [0, [], undefined]);
  }
});

test("the order of a list is that of an array, wherever one inserts", () => {
  const random = new Random(seed);
  const places: ((ids: string[]) => [number, { where: Where; anchor: string }])[] = [
    () => [0, { where: Where.First, anchor: "" }],
    (ids) => [ids.length, { where: Where.Last, anchor: "" }],
    (ids) => {
      const i = random.int(ids.length);
      return [i + 1, { where: Where.After, anchor: ids[i] as string }];
    },
    (ids) => {
      const i = random.int(ids.length);
      return [i, { where: Where.Before, anchor: ids[i] as string }];
    },
    (ids) => [1, { where: Where.After, anchor: ids[0] as string }], // always at one place: there is no room any more
    (ids) => [ids.length - 1, { where: Where.Before, anchor: ids.at(-1) as string }],
  ];
  for (const always of [undefined, 0, 1, 2, 3, 4, 5]) {
    let ids = ["a", "b"];
    let order = Order.of(ids);
    for (let n = 0; n < 400; n++) {
      if (ids.length > 2 && random.int(5) === 0) {
        const id = random.pick(ids);
        order = order.delete(id);
        ids = ids.filter((x) => x !== id);
      }
      const [at, spot] = (places[always ?? random.int(6)] as (typeof places)[number])(ids);
      const [before, was] = [order, [...order]];
      order = order.insert(`i${n}`, spot);
      ids.splice(at, 0, `i${n}`);
      assert.deepEqual([...order], ids, `seed ${seed}, always ${always}`);
      assert.deepEqual([...before], was);
      const i = random.int(ids.length);
      assert.equal(order.before(ids[i] as string), ids[i - 1]);
    }
  }
});
