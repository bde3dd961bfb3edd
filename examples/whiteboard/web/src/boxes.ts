// Which of many boxes are where: their corners side by side in memory, so that looking at all of them takes no time that anybody sees.
import type { Box } from './geometry.ts';

export class Boxes {
  readonly #corners: Float64Array;

  constructor(boxes: readonly Box[]) {
    this.#corners = new Float64Array(4 * boxes.length);
    boxes.forEach((b, i) => this.#corners.set([b.x, b.y, b.x + b.w, b.y + b.h], 4 * i));
  }

  /** The numbers of the boxes that overlap view, in ascending order. */
  within(view: Box): number[] {
    const c = this.#corners;
    const right = view.x + view.w, bottom = view.y + view.h;
    const found: number[] = [];
    for (let i = 0; i < c.length; i += 4) {
      if (c[i]! <= right && view.x <= c[i + 2]! && c[i + 1]! <= bottom && view.y <= c[i + 3]!) found.push(i / 4);
    }
    return found;
  }
}
