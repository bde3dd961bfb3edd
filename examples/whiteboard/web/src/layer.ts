// The lower canvas: while the board is only moved, what is drawn already is shifted and only what has come into view is drawn.
import type { Camera } from './camera.ts';
import { exposed, shift } from './scroll.ts';
import { drawScene, type Context, type Scene } from './render.ts';

interface Drawn {
  readonly scene: Scene;
  readonly camera: Camera;
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
}

export class Layer {
  readonly #ctx: Context;
  #drawn: Drawn | null = null;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** What was drawn is no longer what would be. */
  forget(): void {
    this.#drawn = null;
  }

  /**
   * Shows what a steady camera sees. A scene with the same parts as before is the same, unless it changes from one drawing to the next. True: some of it was shifted. The
   * edges of lines that were drawn in two parts are a shade off, so when all is at rest it is to be drawn anew.
   */
  paint(scene: Scene, camera: Camera, ratio: number, changing: boolean): boolean {
    const ctx = this.#ctx;
    const { width, height } = ctx.canvas;
    const before = this.#drawn;
    this.#drawn = changing ? null : { scene, camera, width, height, ratio };
    const same = !changing && before && before.width === width && before.height === height && before.ratio === ratio && alike(before.scene, scene);
    const by = same ? shift(before.camera, camera, ratio) : null;
    if (by?.x === 0 && by.y === 0) return false;
    const shifted = by !== null && Math.abs(by.x) < width && Math.abs(by.y) < height;
    const areas = shifted ? exposed(width, height, by) : [{ x: 0, y: 0, w: width, h: height }];
    if (shifted) {
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      ctx.drawImage(ctx.canvas, by.x, by.y);
    }
    for (const area of areas) drawScene(ctx, scene, camera, area, ratio);
    return shifted;
  }
}

function alike(a: Scene, b: Scene): boolean {
  return a.shapes === b.shapes && a.piles === b.piles && a.editing === b.editing && a.theme === b.theme;
}
