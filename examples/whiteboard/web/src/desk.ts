// The desk: what this person is doing on the board that lies in front of them.
import type { Board } from './board.ts';
import { fitting, type Camera } from './camera.ts';
import { bounds, hits, union, type Box } from './geometry.ts';
import { History } from './history.ts';
import { newId, round, shape, type Ink, type Kind, type Op, type Patch, type Point, type Shape } from './model.ts';
import type { Theme } from './palette.ts';
import { measure } from './render.ts';

export type ToolName = 'hand' | 'select' | 'vote' | Kind;

export class Desk {
  board: Board;
  history: History;
  camera: Camera = { x: 0, y: 0, zoom: 1 };
  tool: ToolName = 'pen';
  ink: Ink = 'ink';
  width: number = 4;
  theme: Theme = 'light';
  readonly selection = new Set<string>();
  /** The shape that is being drawn. */
  draft: Shape | null = null;
  /** The box that is being drawn around what is to be selected. */
  marquee: Box | null = null;
  /** How shapes look that are being moved. */
  readonly moving = new Map<string, Patch>();
  /** The shape whose text is being written. */
  editing: Shape | null = null;
  /** Opens the editor for a shape that may not be on the board yet; set by the editor. */
  edit: (s: Shape, isNew: boolean) => void = () => {};
  /** Tells the person something in passing; set by the page. */
  say: (text: string) => void = () => {};
  readonly #listeners: (() => void)[] = [];

  constructor(board: Board) {
    this.board = board;
    this.history = new History(board);
  }

  /** Puts another board on the desk. */
  show(board: Board): void {
    this.board = board;
    this.history = new History(board, () => this.changed());
    this.rest();
    board.onChange(() => this.changed());
    this.changed();
  }

  onChange(fn: () => void): void {
    this.#listeners.push(fn);
  }

  /** Call it after each change of a field. */
  changed(): void {
    for (const id of this.selection) if (!this.board.get(id)) this.selection.delete(id);
    for (const fn of this.#listeners) fn();
  }

  /** Ends what is under way, without effect. */
  rest(): void {
    this.draft = this.marquee = null;
    this.moving.clear();
    this.selection.clear();
  }

  pick(tool: ToolName): void {
    this.tool = tool;
    if (tool !== 'select' && tool !== 'vote') this.selection.clear();
    this.changed();
  }

  /** A shape of the present tool, colour and width, above all others. */
  begin(kind: Kind, p: Point, more: Partial<Shape> = {}): Shape {
    const top = this.board.shapes().at(-1)?.z ?? 0;
    return shape({ id: newId(), kind, x: round(p.x), y: round(p.y), color: this.ink, width: this.width, z: Math.floor(top) + 1, ...more });
  }

  do(ops: readonly Op[]): void {
    this.history.do(ops);
    this.changed();
  }

  /** Patches all that are selected. */
  restyle(patch: Patch): void {
    this.do([...this.selection].map((id) => ({ op: 'patch', id, patch })));
  }

  selected(): Shape[] {
    return this.board.shapes().filter((s) => this.selection.has(s.id));
  }

  select(ids: Iterable<string>): void {
    this.selection.clear();
    for (const id of ids) this.selection.add(id);
    this.changed();
  }

  remove(): void {
    this.do([...this.selection].map((id) => ({ op: 'delete', id })));
  }

  /** Gives notes a dot each, or takes one back from each. */
  vote(notes: Iterable<string>, by: 1 | -1): void {
    for (const id of notes) {
      if (this.board.get(id)?.kind !== 'note') this.say('Dots go on sticky notes.');
      else if (!this.board.votes.give(id, by)) this.say(by > 0 ? 'All your dots are given. Take one back to give it to another note.' : 'None of the dots there are yours.');
      else continue;
      break;
    }
    this.changed();
  }

  /** Shows a shape in the middle of the screen, and selects it. */
  goTo(id: string, width: number, height: number): void {
    const s = this.board.get(id);
    if (!s) return;
    const b = bounds(s, measure), z = this.camera.zoom;
    this.camera = { x: b.x + b.w / 2 - width / 2 / z, y: b.y + b.h / 2 - height / 2 / z, zoom: z };
    this.tool = this.tool === 'vote' ? 'vote' : 'select';
    this.select([id]);
  }

  /** Moves what is selected. */
  nudge(dx: number, dy: number): void {
    this.do(this.selected().map((s) => ({ op: 'patch', id: s.id, patch: { x: round(s.x + dx), y: round(s.y + dy) } })));
  }

  /** Makes copies of what is selected, a little lower, and selects them. */
  duplicate(): void {
    const top = Math.floor(this.board.shapes().at(-1)?.z ?? 0);
    const copies = this.selected().map((s, i) => ({ ...s, id: newId(), x: s.x + 20, y: s.y + 20, z: top + 1 + i }));
    this.do(copies.map((s) => ({ op: 'put', shape: s })));
    this.select(copies.map((s) => s.id));
  }

  /** Brings what is selected before (1) or behind (-1) all others. */
  restack(where: 1 | -1): void {
    const all = this.board.shapes();
    const chosen = this.selected();
    const edge = (where > 0 ? all.at(-1)?.z : all[0]?.z) ?? 0;
    const z = (i: number) => (where > 0 ? Math.floor(edge) + 1 + i : Math.ceil(edge) - chosen.length + i);
    this.do(chosen.map((s, i) => ({ op: 'patch', id: s.id, patch: { z: z(i) } })));
  }

  undo(): boolean {
    const done = this.history.undo();
    this.changed();
    return done;
  }

  redo(): boolean {
    const done = this.history.redo();
    this.changed();
    return done;
  }

  /** The topmost shape at p. */
  at(p: Point): Shape | undefined {
    const reach = 6 / this.camera.zoom;
    const all = this.board.shapes();
    for (let i = all.length - 1; i >= 0; i--) if (hits(all[i]!, p, reach, measure)) return all[i];
    return undefined;
  }

  /** s as it looks while it is being moved. */
  seen(s: Shape): Shape {
    const patch = this.moving.get(s.id);
    return patch ? { ...s, ...patch } : s;
  }

  look(camera: Camera): void {
    this.camera = camera;
    this.changed();
  }

  fit(width: number, height: number): void {
    this.camera = fitting(union(this.board.shapes().map((s) => bounds(s, measure))), width, height);
    this.changed();
  }
}
