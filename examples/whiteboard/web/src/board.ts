// What the page needs of a shared board, whoever keeps it: link.ts over the network, memory.ts in this page alone.
import type { Op, Shape } from './model.ts';
import type { Votes } from './votes.ts';

/** A shape before and after a change, null where there is none. */
export interface Change {
  readonly id: string;
  readonly before: Shape | null;
  readonly after: Shape | null;
}

export interface Board {
  /** All shapes in order of drawing; the same array as long as nothing changed. Own ones that are not yet stored are among them. */
  shapes(): readonly Shape[];
  get(id: string): Shape | undefined;
  /**
   * Does all of ops, or nothing. It shows at once; what cannot be stored in the end goes away again, and is told by the inbox, or by onRefused if there is nothing to
   * decide. Undo: what somebody has changed since stays. Fulfilled when all is decided, with the ids of shapes of which something was refused.
   */
  apply(ops: readonly Op[], undo?: boolean): Promise<ReadonlySet<string>>;
  /** Since when the newest own change of the shape waits to be stored (Date.now), undefined if none does. */
  pendingSince(id: string): number | undefined;
  /** How many own changes wait to be stored, those of before a reload included. */
  readonly pending: number;
  /** Those of before a reload, the oldest first, and what comes of each, as with apply. */
  unfinished(): readonly { readonly changes: readonly Change[]; readonly refused: Promise<ReadonlySet<string>> }[];
  /** The dots on notes. */
  readonly votes: Votes;
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

/** Whether what waits outlives the page. */
export interface Keeping {
  readonly durable: boolean;
  /** What is wrong, in a word: missing, insecure, forbidden, full, lost, blocked, newer, damaged, failed; "" if nothing is. */
  readonly problem: string;
}

/** Own changes that were refused in the end and want a decision: all about one shape are one of these. */
export interface Conflict {
  /** The same after a reload. */
  readonly key: string;
  /** The board's id. */
  readonly board: string;
  readonly why: 'text' | 'gone' | 'rewritten' | 'denied' | 'unknown' | 'dots' | 'other';
  /** The reason in its own words. */
  readonly message: string;
  /** The shapes as they were seen, as they would be, and as others have left them when it was refused. */
  readonly base: readonly Shape[];
  readonly mine: readonly Shape[];
  readonly theirs: readonly Shape[];
  /** The shapes that it is about. */
  readonly ids: readonly string[];
  /** It was made while there was no connection. */
  readonly away: boolean;
  readonly made: Date;
  /** How many changes of the same shape it stands for. */
  readonly count: number;
}

/** What was refused, until somebody decides. It survives reloads where pages can store something. */
export interface Inbox {
  /** The oldest first; the same array as long as nothing changed. */
  conflicts(): readonly Conflict[];
  onChange(fn: () => void): void;
  /**
   * Prepares doing it all the same, in view of what others did; with a text, that text in place of the person's own. What it is fulfilled with does it: like
   * Board.apply, but it throws if there is no room.
   */
  mine(c: Conflict, text?: string): Promise<() => Promise<ReadonlySet<string>>>;
  /** Gives it up. */
  theirs(c: Conflict): void;
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
  /** At once if the board is kept here, else when the server has sent it. */
  open(id: string): Promise<Board>;
  enter(id: string): Room;
  /** How the person calls themselves. */
  name: string;
  readonly keeping: Keeping;
  /** How many changes that wait are in memory only. */
  readonly unsaved: number;
  /** Keeping has changed. */
  onKeeping(fn: () => void): void;
  readonly inbox: Inbox;
  close(): void;
}
