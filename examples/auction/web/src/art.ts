// The picture of a lot, made from its id: the same on every screen, and nothing is loaded for it. 320 x 240.
import { Chance } from './random.ts';

export interface Mark {
  readonly tag: 'rect' | 'circle' | 'path' | 'ellipse';
  readonly attrs: { readonly [name: string]: string | number };
}

export const artWidth = 320;
export const artHeight = 240;

interface Palette {
  readonly ground: string;
  readonly shade: string;
  /** From dark to light. */
  readonly inks: readonly [string, string, string, string];
}

const palettes: readonly Palette[] = [
  { ground: '#f1e4d1', shade: '#e2cfb4', inks: ['#243b4a', '#b4532a', '#d99a4e', '#f7efe2'] },
  { ground: '#dbe5e3', shade: '#c3d3d0', inks: ['#173f45', '#2f7f79', '#e08e5c', '#f6f4ec'] },
  { ground: '#e9dfe6', shade: '#d7c7d2', inks: ['#3b2748', '#8a4a6c', '#d98b8b', '#f8eef0'] },
  { ground: '#e5e7d3', shade: '#d0d4b7', inks: ['#2d3a24', '#6d7d3c', '#c9a13f', '#f6f4e2'] },
  { ground: '#dde3ee', shade: '#c6d0e2', inks: ['#1f2b4d', '#47619e', '#d7835d', '#f3f5fa'] },
  { ground: '#f3dccb', shade: '#e8c5ac', inks: ['#4a2320', '#a8403a', '#e2a15c', '#fbf2e8'] },
  { ground: '#d8e2d6', shade: '#bfd0be', inks: ['#1d3a2e', '#3f7a5b', '#d9b44f', '#f3f6ee'] },
  { ground: '#e7e2da', shade: '#d3ccc0', inks: ['#2b2a2e', '#6b6660', '#b98d5f', '#faf8f4'] },
];

const pictures = [vessel, hills, blocks, arcs, stones, vessel, weave, moon] as const;

/** The marks of the picture, from back to front. Where cut is left away above and below, a frame stands around what is seen. */
export function art(id: string, cut = 0): Mark[] {
  const c = new Chance(id);
  const p = c.any(palettes);
  const picture = c.any(pictures);
  return [rect(0, 0, artWidth, artHeight, p.ground), ...picture(c, p, cut)];
}

/** A vase or jar on a table: a profile that is turned. */
function vessel(c: Chance, p: Palette): Mark[] {
  const table = c.between(178, 196);
  const mid = artWidth / 2 + c.between(-10, 10);
  const top = c.between(44, 78);
  const foot = table + 12;
  const height = foot - top;
  const neck = c.between(13, 24);
  const belly = c.between(42, 66);
  const at = c.between(0.45, 0.72);
  const lip = neck + c.between(3, 9);
  const base = c.between(22, 36);
  const y = (k: number) => n(top + height * k);
  const side = (s: 1 | -1) => {
    const x = (r: number) => n(mid + s * r);
    return [x(lip), `${x(neck)} ${y(0.06)} ${x(neck - 1)} ${y(0.14)} ${x(neck)} ${y(0.22)}`, `${x(neck + 2)} ${y(at - 0.22)} ${x(belly)} ${y(at - 0.18)} ${x(belly)} ${y(at)}`, `${x(belly)} ${y(at + 0.2)} ${x(base + 4)} ${y(0.86)} ${x(base)} ${y(1)}`] as const;
  };
  const [l, r] = [side(-1), side(1)];
  const back = (x: string) => x.split(' ');
  const [r1, r2, r3] = [back(r[1]), back(r[2]), back(r[3])];
  const outline = `M${l[0]} ${y(0)}C${l[1]}C${l[2]}C${l[3]}H${n(mid + base)}`
    + `C${r3[2]} ${r3[3]} ${r3[0]} ${r3[1]} ${r2[4]} ${r2[5]}C${r2[2]} ${r2[3]} ${r2[0]} ${r2[1]} ${r1[4]} ${r1[5]}C${r1[2]} ${r1[3]} ${r1[0]} ${r1[1]} ${r[0]} ${y(0)}Z`;
  const [body, light] = c.next() < 0.5 ? [p.inks[1], p.inks[2]] : [p.inks[0], p.inks[1]];
  const marks = [circle(c.between(60, 260), c.between(60, 110), c.between(40, 74), p.shade), rect(0, table, artWidth, artHeight - table, p.shade),
    ellipse(mid + 16, foot + 2, base + 30, 7, p.inks[0], 0.16), path(outline, body)];
  // Light from the left, bands where the belly is.
  marks.push(path(`M${n(mid - belly * 0.62)} ${y(at - 0.08)}Q${n(mid - belly * 0.7)} ${y(at + 0.06)} ${n(mid - belly * 0.5)} ${y(at + 0.2)}`, 'none', 1, { stroke: p.inks[3], 'stroke-width': 5, 'stroke-linecap': 'round', 'stroke-opacity': 0.55 }));
  for (let i = 0, k = at - 0.03; i < c.whole(1, 3); i++, k += 0.055) {
    const w = belly * (0.98 - 0.035 * i);
    marks.push(path(`M${n(mid - w)} ${y(k)}Q${n(mid)} ${n(top + height * k + 9)} ${n(mid + w)} ${y(k)}`, 'none', 1, { stroke: i === 1 ? p.inks[3] : light, 'stroke-width': n(c.between(2.5, 6)) }));
  }
  marks.push(ellipse(mid, top, lip, 4.2, p.inks[0]));
  return marks;
}

/** A framed landscape. */
function hills(c: Chance, p: Palette, cut: number): Mark[] {
  const marks = [circle(c.between(70, 250), c.between(82, 100), c.between(20, 34), p.inks[2])];
  let base = c.between(112, 132);
  for (const ink of [p.shade, p.inks[2], p.inks[1], p.inks[0]]) {
    let d = `M0 ${n(base + c.between(-16, 16))}C20 ${n(base + c.between(-20, 16))} `;
    for (let x = 64; x <= artWidth; x += 64) d += `${x === 64 ? '' : 'S'}${x - 26} ${n(base + c.between(-22, 18))} ${x} ${n(base + c.between(-16, 14))}`;
    marks.push(path(`${d}V240H0Z`, ink, ink === p.inks[2] ? 0.75 : 1));
    base += c.between(24, 32);
  }
  return [...marks, ...frame(p, cut)];
}

function frame(p: Palette, cut: number): Mark[] {
  const [top, low] = [14 + cut, 226 - cut];
  return [path(`M-4 -4H324V244H-4ZM14 ${top}V${low}H306V${top}Z`, p.inks[3], 1, { 'fill-rule': 'evenodd' }), path(`M14 ${top}H306V${low}H14Z`, 'none', 1, { stroke: p.inks[0], 'stroke-opacity': 0.25, 'stroke-width': 1 })];
}

/** Quarter circles and squares on a grid. */
function blocks(c: Chance, p: Palette): Mark[] {
  const marks: Mark[] = [];
  const size = 80;
  const inks = [...p.inks, p.shade];
  for (let y = 0; y < artHeight; y += size) {
    for (let x = 0; x < artWidth; x += size) {
      marks.push(rect(x, y, size, size, c.any([p.ground, p.shade, p.inks[3], p.inks[1]])));
      const ink = c.any(inks);
      const kind = c.whole(0, 4);
      const [cx, cy] = [x + (c.next() < 0.5 ? 0 : size), y + (c.next() < 0.5 ? 0 : size)];
      const [ox, oy] = [cx === x ? x + size : x, cy === y ? y + size : y];
      const sweep = (ox > cx) === (oy > cy) ? 1 : 0;
      if (kind <= 1) marks.push(path(`M${cx} ${cy}L${ox} ${cy}A${size} ${size} 0 0 ${sweep} ${cx} ${oy}Z`, ink));
      else if (kind === 2) marks.push(circle(x + size / 2, y + size / 2, size * c.any([0.22, 0.34, 0.5]), ink));
      else if (kind === 3) marks.push(path(`M${x} ${y + size}L${x + size} ${y}V${y + size}Z`, ink));
    }
  }
  return marks;
}

/** Nested arches. */
function arcs(c: Chance, p: Palette): Mark[] {
  const marks: Mark[] = [];
  for (const mid of c.next() < 0.5 ? [160] : [92, 228]) {
    const inks = [p.inks[0], p.inks[3], p.inks[1], p.inks[2], p.inks[3], p.inks[0]];
    const start = c.whole(0, 2);
    let r = mid === 160 ? c.between(104, 122) : c.between(58, 66);
    const step = r / 5.2;
    for (let i = 0; i < 5; i++, r -= step) marks.push(path(`M${n(mid - r)} 240V${n(214 - (mid === 160 ? 84 : 100) + 0)}A${n(r)} ${n(r)} 0 0 1 ${n(mid + r)} ${n(130 - (mid === 160 ? 0 : 16))}V240Z`, inks[(i + start) % 6]!));
  }
  return [...marks, rect(0, 222, artWidth, 18, p.shade)];
}

/** Balanced stones. */
function stones(c: Chance, p: Palette): Mark[] {
  const marks = [circle(c.between(80, 240), 96, c.between(58, 80), p.shade), rect(0, 200, artWidth, 40, p.shade)];
  let y = 204;
  let mid = 160 + c.between(-14, 14);
  let wide = c.between(64, 82);
  for (let i = 0; wide > 16 && y > 50; i++) {
    const high = wide * c.between(0.3, 0.42);
    y -= high;
    marks.push(ellipse(mid, y, wide, high, p.inks[i % 3]!), ellipse(mid - wide * 0.3, y - high * 0.35, wide * 0.36, high * 0.22, p.inks[3], 0.22));
    y -= high * 0.88;
    mid += c.between(-8, 8);
    wide *= c.between(0.66, 0.82);
  }
  return marks;
}

/** A woven cloth. */
function weave(c: Chance, p: Palette, cut: number): Mark[] {
  const marks: Mark[] = [];
  for (let x = 0; x < artWidth; ) {
    const w = c.any([6, 10, 16, 26, 40]);
    marks.push(rect(x, 0, w, artHeight, c.any([...p.inks, p.ground, p.shade])));
    x += w;
  }
  for (let y = c.between(4, 20); y < artHeight; ) {
    const h = c.any([5, 8, 14, 24]);
    marks.push(rect(0, y, artWidth, h, c.any(p.inks), 0.55));
    y += h + c.any([8, 14, 26]);
  }
  return [...marks, ...frame(p, cut)];
}

/** A moon over water. */
function moon(c: Chance, p: Palette): Mark[] {
  const line = c.between(128, 150);
  const mid = c.between(110, 210);
  const r = c.between(34, 50);
  const marks = [rect(0, 0, artWidth, artHeight, p.inks[0])];
  for (let i = 0; i < 9; i++) marks.push(circle(c.between(16, 304), c.between(14, line - 40), c.between(0.8, 1.8), p.inks[3], 0.8));
  marks.push(circle(mid, line - r - c.between(0, 22), r, p.inks[2]), rect(0, line, artWidth, artHeight, p.inks[1]));
  for (let y = line + 8, w = r * 1.3; y < 232; y += c.between(9, 14), w *= c.between(0.82, 1.02)) {
    const x = mid + c.between(-10, 10);
    marks.push(path(`M${n(x - w)} ${n(y)}H${n(x + w)}`, 'none', 1, { stroke: p.inks[2], 'stroke-width': 3.5, 'stroke-linecap': 'round', 'stroke-opacity': 0.8 }));
  }
  return marks;
}

function n(x: number): number {
  return Math.round(x * 10) / 10;
}

function rect(x: number, y: number, width: number, height: number, fill: string, opacity = 1): Mark {
  return { tag: 'rect', attrs: { x: n(x), y: n(y), width: n(width), height: n(height), fill, ...(opacity < 1 ? { 'fill-opacity': opacity } : {}) } };
}

function circle(cx: number, cy: number, r: number, fill: string, opacity = 1): Mark {
  return { tag: 'circle', attrs: { cx: n(cx), cy: n(cy), r: n(r), fill, ...(opacity < 1 ? { 'fill-opacity': opacity } : {}) } };
}

function ellipse(cx: number, cy: number, rx: number, ry: number, fill: string, opacity = 1): Mark {
  return { tag: 'ellipse', attrs: { cx: n(cx), cy: n(cy), rx: n(rx), ry: n(ry), fill, ...(opacity < 1 ? { 'fill-opacity': opacity } : {}) } };
}

function path(d: string, fill: string, opacity = 1, more: { readonly [name: string]: string | number } = {}): Mark {
  return { tag: 'path', attrs: { d, fill, ...(opacity < 1 ? { 'fill-opacity': opacity } : {}), ...more } };
}
