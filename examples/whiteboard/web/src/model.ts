// What a board holds: shapes, as the page uses them and as they lie in the shared object under shapes/{id}.

export const kinds = ['pen', 'line', 'rect', 'ellipse', 'text', 'note'] as const;
export type Kind = (typeof kinds)[number];

/** Colours go by name, so that each screen shows them as suits its theme. */
export const inks = ['ink', 'grey', 'red', 'orange', 'green', 'teal', 'blue', 'violet'] as const;
export type Ink = (typeof inks)[number];

/** The widths of strokes, in board units; for text they choose its size. */
export const widths = [2, 4, 8] as const;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Shape {
  readonly id: string;
  readonly kind: Kind;
  /** The top left corner; of a line and a stroke, where it begins. */
  readonly x: number;
  readonly y: number;
  /** The size; of a line, where it ends, seen from its beginning. Strokes and text have none of their own. */
  readonly w: number;
  readonly h: number;
  readonly color: Ink;
  readonly width: number;
  /** Shapes are drawn in ascending order of z, equal ones by id. */
  readonly z: number;
  readonly text: string;
  /** Who wrote the text last: the name that they gave themselves, "" if it is not known. */
  readonly by: string;
  /** A stroke's points as pairs x, y, relative to its beginning. */
  readonly points: Float32Array;
}

/** What may change about a shape. */
export type Patch = Partial<Pick<Shape, 'x' | 'y' | 'w' | 'h' | 'color' | 'width' | 'z' | 'text'>>;

/** One step of a transaction on a board. */
export type Op =
  | { readonly op: 'put'; readonly shape: Shape }
  /** seen: how the shape was when the person decided; default as it is now. */
  | { readonly op: 'patch'; readonly id: string; readonly patch: Patch; readonly seen?: Shape }
  | { readonly op: 'delete'; readonly id: string; readonly seen?: Shape };

/** The shape that an op is about. */
export function idOf(op: Op): string {
  return op.op === 'put' ? op.shape.id : op.id;
}

/** Characters in a text or note; what is longer is cut. */
export const maxText = 5000;
/** Points of one stroke; a longer one is continued by another, so that no transaction becomes too large. */
export const maxPoints = 8000;
/** Nothing lies farther out. */
export const maxCoordinate = 1e6;

const none = new Float32Array(0);

/** shape is what is given and, for the rest, what a new shape has. */
export function shape(given: Partial<Shape> & Pick<Shape, 'id' | 'kind'>): Shape {
  return { x: 0, y: 0, w: 0, h: 0, color: 'ink', width: 4, z: 0, text: '', by: '', points: none, ...given };
}

/** Makes an id. It does without crypto.randomUUID, which plain HTTP does not have. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Rounds to a hundredth: what nobody sees need not travel. */
export function round(n: number): number {
  const r = Math.round(n * 100) / 100;
  return Math.min(maxCoordinate, Math.max(-maxCoordinate, r)) + 0;
}

/** Cuts text to what a shape may hold, without control characters and halves of surrogate pairs, which do not travel. */
export function cleanText(text: string): string {
  return text.slice(0, maxText).replace(/\r\n?/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f]|\p{Surrogate}/gu, '');
}

/** Cuts what a person calls themselves. */
export function cleanName(name: string): string {
  return name.slice(0, 400).replace(/[\p{C}\s]+/gu, ' ').trim().slice(0, 24).trim();
}

/** A shape, or some of it, as it is shared. */
export type Fields = { [key: string]: string | number | Uint8Array };

/** The form in which a shape is shared. */
export function toFields(s: Shape): Fields {
  const f: Fields = { kind: s.kind, x: round(s.x), y: round(s.y), color: s.color, width: s.width, z: s.z };
  if (s.kind !== 'pen' && s.kind !== 'text') Object.assign(f, { w: round(s.w), h: round(s.h) });
  if (s.kind === 'text' || s.kind === 'note') f['text'] = cleanText(s.text);
  if (f['text'] !== undefined && s.by) f['by'] = s.by;
  if (s.kind === 'pen') f['points'] = packPoints(s.points);
  return f;
}

/** The form in which a patch is shared. */
export function patchFields(patch: Patch): Fields {
  const f: Fields = {};
  for (const [key, value] of Object.entries(patch)) if (value !== undefined) f[key] = typeof value === 'number' && key !== 'z' ? round(value) : value;
  return f;
}

/** Reads what somebody shared. Whatever is not a shape is null; whatever is out of bounds is brought in. */
export function fromFields(id: string, value: unknown): Shape | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) return null;
  const f = value as { readonly [key: string]: unknown };
  const kind = kinds.find((k) => k === f['kind']);
  if (kind === undefined) return null;
  const points = kind === 'pen' ? unpackPoints(f['points']) : none;
  if (points === null) return null;
  const boxed = kind === 'rect' || kind === 'ellipse' || kind === 'note';
  return {
    id,
    kind,
    x: number(f['x'], -maxCoordinate, maxCoordinate, 0),
    y: number(f['y'], -maxCoordinate, maxCoordinate, 0),
    w: number(f['w'], boxed ? 0 : -maxCoordinate, maxCoordinate, 0),
    h: number(f['h'], boxed ? 0 : -maxCoordinate, maxCoordinate, 0),
    color: inks.find((c) => c === f['color']) ?? 'ink',
    width: number(f['width'], 1, 64, 4),
    z: number(f['z'], -1e9, 1e9, 0),
    text: typeof f['text'] === 'string' ? cleanText(f['text']) : '',
    by: typeof f['by'] === 'string' ? cleanName(f['by']) : '',
    points,
  };
}

function number(v: unknown, least: number, most: number, otherwise: number): number {
  const n = typeof v === 'bigint' ? Number(v) : v;
  return typeof n === 'number' && Number.isFinite(n) ? Math.min(most, Math.max(least, n)) : otherwise;
}

/** Pairs of 32-bit floats, little-endian. */
export function packPoints(points: Float32Array): Uint8Array {
  const bytes = new Uint8Array(points.length * 4);
  const view = new DataView(bytes.buffer);
  points.forEach((n, i) => view.setFloat32(i * 4, n, true));
  return bytes;
}

export function unpackPoints(value: unknown): Float32Array | null {
  if (!(value instanceof Uint8Array) || value.length < 8 || value.length % 8 !== 0) return null;
  const count = Math.min(value.length / 4, maxPoints * 2);
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const points = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const n = view.getFloat32(i * 4, true);
    if (!(Math.abs(n) <= maxCoordinate)) return null;
    points[i] = n;
  }
  return points;
}

/** The order of drawing. */
export function byDepth(a: Shape, b: Shape): number {
  return a.z - b.z || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
