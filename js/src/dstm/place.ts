import { Where, type Spot } from "./tree/order.ts";

/** Where in a list an element is put: {@link first}, {@link last}, {@link after} or {@link before}. */
export type Place = Spot;

/** Before all elements. */
export function first(): Place {
  return { where: Where.First, anchor: "" };
}

/** Behind all elements. */
export function last(): Place {
  return { where: Where.Last, anchor: "" };
}

/** Directly behind the element with this id. */
export function after(id: string): Place {
  return { where: Where.After, anchor: id };
}

/** Directly before the element with this id. */
export function before(id: string): Place {
  return { where: Where.Before, anchor: id };
}
