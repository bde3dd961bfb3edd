// What the page needs of a shared board, whoever keeps it: link.ts over the network, memory.ts in this page alone.
import type { Op, Shape } from './model.ts';

export interface Board {
  /** All shapes in order of drawing; the same array as long as nothing changed. Own ones that are not yet stored are among them. */
  shapes(): readonly Shape[];
  get(id: string): Shape | undefined;
  /** Does all of ops or nothing. It shows at once; when it cannot be stored in the end it goes away again, and onRefused tells. */
  apply(ops: readonly Op[]): void;
  /** Since when the newest own change of the shape waits to be stored (performance.now), undefined if none does. */
  pendingSince(id: string): number | undefined;
  /** How many own changes wait to be stored. */
  readonly pending: number;
  onChange(fn: () => void): void;
  onRefused(fn: (why: string) => void): void;
  close(): void;
}

/** A line of the list of boards. */
export interface BoardInfo {
  readonly id: string;
  readonly name: string;
  readonly people: number;
}

/** The connection as a person sees it. */
export type Line =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'open' }
  | { readonly phase: 'waiting' }
  | { readonly phase: 'closed'; readonly why: string };

/** The people at a board. */
export interface Room {
  /** Who is here, oneself included, in the order of coming: ids of clients. */
  people(): readonly string[];
  /** Tells the others. It may get lost, and does without a connection. */
  send(message: Message): void;
  onPeople(fn: () => void): void;
  onMessage(fn: (from: string, message: unknown) => void): void;
  leave(): void;
}

/** What people tell each other of the moment. Whatever is missing is not to be seen any more, but for the name. */
export interface Message {
  readonly name: string;
  readonly x?: number;
  readonly y?: number;
  /** The shape that is being drawn, as it would be shared. */
  readonly draft?: { readonly id: string; readonly shape: object };
  /** Shapes that are being moved: x, y, w, h by id. */
  readonly moving?: { readonly [id: string]: readonly number[] };
}

/** All that the page needs of the outside. */
export interface Backend {
  /** The id under which others see this page. */
  readonly me: string;
  readonly line: Line;
  onLine(fn: (line: Line) => void): void;
  list(): Promise<readonly BoardInfo[]>;
  find(id: string): Promise<BoardInfo>;
  create(name: string): Promise<BoardInfo>;
  rename(id: string, name: string): Promise<BoardInfo>;
  /** The list, or a name in it, is new. */
  onList(fn: () => void): void;
  open(id: string): Promise<Board>;
  enter(id: string): Room;
  close(): void;
}
