// The two canvases, and when they are drawn: at most once a frame, the lower one only where what it shows has changed.
import type { Desk } from './desk.ts';
import { Layer } from './layer.ts';
import type { Patch, Shape } from './model.ts';
import type { People } from './people.ts';
import type { Context } from './render.ts';
import { steady } from './scroll.ts';
import { h } from './ui/dom.ts';
import { Cursors, drawOverlay } from './ui/overlay.ts';

export class Screen {
  /** Where pointers work. */
  readonly area: HTMLCanvasElement;
  readonly elements: readonly HTMLElement[];
  readonly #lower = h('canvas', { class: 'shapes', 'aria-hidden': 'true' });
  readonly #cursors = new Cursors();
  readonly #desk: Desk;
  readonly #people: () => People | null;
  readonly #waits: (id: string) => boolean;
  readonly #base: Layer;
  readonly #top: Context;
  #asked = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resting: ReturnType<typeof setTimeout> | undefined;
  #painted: (ms: number) => void = () => {};

  constructor(desk: Desk, people: () => People | null, waits: (id: string) => boolean) {
    this.#desk = desk;
    this.#people = people;
    this.#waits = waits;
    this.area = h('canvas', { class: 'overlay', tabindex: 0, role: 'application', 'aria-label': 'Whiteboard' });
    this.elements = [this.#lower, this.area, this.#cursors.element];
    this.#base = new Layer(this.#lower.getContext('2d', { alpha: false })!);
    this.#top = this.area.getContext('2d')!;
    // The ring tells who comes by Tab where they are; whoever draws and uses keys does not need it.
    let byTab = false;
    addEventListener('keydown', (e) => (byTab = e.key === 'Tab'), { capture: true });
    addEventListener('pointerdown', () => (byTab = false), { capture: true });
    this.area.addEventListener('focus', () => this.area.toggleAttribute('data-ring', byTab));
    addEventListener('resize', () => this.repaint());
    document.addEventListener('visibilitychange', () => {
      this.#base.forget(); // browsers may let go of what is on canvases that nobody sees
      this.repaint();
    });
    setInterval(() => this.repaint(), 2000); // pointers that rest, shapes that wait
  }

  repaint(): void {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      const began = performance.now();
      this.#paint();
      this.#painted(performance.now() - began);
    });
  }

  /** Tells fn how long each drawing took, in ms. */
  onPaint(fn: (ms: number) => void): void {
    this.#painted = fn;
  }

  #paint(): void {
    const desk = this.#desk;
    const ratio = devicePixelRatio || 1;
    const w = innerWidth, hgt = innerHeight;
    const moving = this.#moving();
    const shapes = desk.board.shapes();
    const piles = desk.board.votes.piles();
    const camera = steady(desk.camera, ratio);
    const unsteady = moving.size > 0 || desk.board.pending > 0;
    const seen = moving.size ? shapes.map((s) => (moving.has(s.id) ? { ...s, ...moving.get(s.id) } : s)) : shapes;
    const waits = desk.board.pending > 0 ? (s: Shape) => this.#waits(s.id) : null;
    size(this.#lower, w, hgt, ratio);
    const shifted = this.#base.paint({ shapes: seen, editing: desk.editing?.id, waits, piles, theme: desk.theme }, camera, ratio, unsteady);
    if (shifted) this.#rest();
    if (desk.board.pending > 0) this.#soon();
    size(this.area, w, hgt, ratio);
    drawOverlay(this.#top, desk, camera, this.#people(), w, hgt, ratio);
    this.#cursors.update(this.#people(), desk.camera);
    this.area.dataset['tool'] = desk.tool;
    const label = `Whiteboard, ${shapes.length} ${shapes.length === 1 ? 'shape' : 'shapes'}`;
    if (this.area.getAttribute('aria-label') !== label) this.area.setAttribute('aria-label', label);
  }

  /** Draws all anew when the board has come to rest. */
  #rest(): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      this.#base.forget();
      this.repaint();
    }, 200);
  }

  /** Looks again whether shapes have waited for long. */
  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.repaint();
    }, 250);
  }

  /** What anybody is moving; own movements count most. */
  #moving(): ReadonlyMap<string, Patch> {
    const all = new Map<string, Patch>();
    for (const one of this.#people()?.doings() ?? []) for (const [id, patch] of one.moving) all.set(id, patch);
    for (const [id, patch] of this.#desk.moving) all.set(id, patch);
    return all;
  }
}

function size(canvas: HTMLCanvasElement, w: number, h: number, ratio: number): void {
  const width = Math.round(w * ratio), height = Math.round(h * ratio);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
