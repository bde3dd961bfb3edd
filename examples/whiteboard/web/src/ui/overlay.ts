// What lies over the shapes: drafts, the selection, the pointers of others.
import { toScreen, type Camera } from '../camera.ts';
import type { Desk } from '../desk.ts';
import { bounds, grow, handles, union, type Box } from '../geometry.ts';
import type { People } from '../people.ts';
import { ground, personColor } from '../palette.ts';
import { drawShape, measure, toCamera, type Context } from '../render.ts';
import { h } from './dom.ts';

/** Draws on a cleared canvas what camera sees. */
export function drawOverlay(ctx: Context, desk: Desk, camera: Camera, people: People | null, w: number, hgt: number, ratio: number): void {
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, hgt);
  toCamera(ctx, camera, ratio);
  for (const one of people?.doings() ?? []) {
    if (one.draft && !desk.board.get(one.draft.id)) drawShape(ctx, one.draft, desk.theme);
  }
  if (desk.draft) drawShape(ctx, desk.draft, desk.theme);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  const { accent, glow, paper } = ground(desk.theme);
  ctx.strokeStyle = accent;
  const chosen = desk.selected().map((s) => desk.seen(s));
  ctx.lineWidth = 1.5;
  for (const s of chosen) outline(ctx, camera, grow(bounds(s, measure), s.kind === 'note' ? 0 : s.width / 2));
  if (chosen.length > 1) {
    ctx.lineWidth = 1;
    ctx.setLineDash([4, 4]);
    outline(ctx, camera, grow(union(chosen.map((s) => bounds(s, measure)))!, 10 / camera.zoom));
    ctx.setLineDash([]);
  }
  if (chosen.length === 1) {
    ctx.fillStyle = paper;
    for (const p of handles(chosen[0]!, measure)) {
      const q = toScreen(camera, p);
      ctx.beginPath();
      ctx.arc(q.x, q.y, 5, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
    }
  }
  if (desk.marquee) {
    const b = onScreen(camera, desk.marquee);
    ctx.fillStyle = glow;
    ctx.lineWidth = 1;
    ctx.fillRect(b.x, b.y, b.w, b.h);
    ctx.strokeRect(b.x, b.y, b.w, b.h);
  }
}

function onScreen(c: Camera, b: Box): Box {
  return { ...toScreen(c, b), w: b.w * c.zoom, h: b.h * c.zoom };
}

function outline(ctx: Context, c: Camera, box: Box): void {
  const b = grow(onScreen(c, box), 4);
  ctx.beginPath();
  ctx.roundRect(b.x, b.y, b.w, b.h, 4);
  ctx.stroke();
}

/** Time after which a pointer that rests is shown faintly. */
const rest = 8000;

/** The pointers of others, as elements that glide. */
export class Cursors {
  readonly element = h('div', { class: 'cursors', 'aria-hidden': 'true' });
  readonly #shown = new Map<string, { box: HTMLElement; name: HTMLElement }>();

  update(people: People | null, camera: Camera): void {
    const seen = new Set<string>();
    for (const one of people?.others() ?? []) {
      if (!one.at) continue;
      seen.add(one.id);
      let c = this.#shown.get(one.id);
      if (!c) this.#shown.set(one.id, (c = this.#make(one.id)));
      const p = toScreen(camera, one.at);
      c.box.style.transform = `translate(${p.x.toFixed(1)}px, ${p.y.toFixed(1)}px)`;
      if (c.name.textContent !== (one.name || 'Guest')) c.name.textContent = one.name || 'Guest';
      c.box.toggleAttribute('data-resting', performance.now() - one.seen > rest);
    }
    for (const [id, c] of this.#shown) {
      if (seen.has(id)) continue;
      c.box.remove();
      this.#shown.delete(id);
    }
  }

  #make(id: string): { box: HTMLElement; name: HTMLElement } {
    const name = h('span', {});
    const box = h('div', { class: 'cursor' });
    const arrow = document.createElement('template');
    arrow.innerHTML = '<svg width="22" height="24" viewBox="0 0 22 24"><path d="M3 2.5l15.5 9.200-7.400 1.700-3.900 6.800z" fill="currentColor" stroke="#fff" stroke-width="1.5" stroke-linejoin="round"/></svg>';
    box.append(arrow.content, name);
    box.style.color = name.style.backgroundColor = personColor(id);
    this.element.append(box);
    return { box, name };
  }
}
