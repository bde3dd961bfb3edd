// The network: boards by calls, people by published messages, shapes as shared objects, all over one WebSocket.
import { Client, dstm, pubsub, rpc, type SharedStorage, type State } from 'trefoil';
import { Aside } from './aside.ts';
import type { Backend, Board, BoardInfo, Inbox, Keeping, Line, Room } from './board.ts';
import { LinkBoard } from './link_board.ts';
import { LinkInbox } from './link_inbox.ts';
import { cursors, LinkRoom } from './link_room.ts';
import { transactions } from './transactions.ts';

// What pages and server agree on; boards.go has the other half.
const listBoards = rpc.method<Record<string, never>, BoardInfo[]>('boards.list', { output: (v) => (Array.isArray(v) ? v.map(readInfo) : []) });
const findBoard = rpc.method<string, BoardInfo>('boards.find', { output: readInfo });
const createBoard = rpc.method<{ name: string }, BoardInfo>('boards.create', { output: readInfo });
const renameBoard = rpc.method<{ id: string; name: string }, BoardInfo>('boards.rename', { output: readInfo });
const listChanged = pubsub.topic<string, 'boards'>('boards');

function readInfo(value: unknown): BoardInfo {
  const { id, name, people } = value as { readonly [key: string]: unknown };
  if (typeof id !== 'string' || typeof name !== 'string') throw new TypeError('not a board');
  return { id, name, people: typeof people === 'number' ? people : 0 };
}

/** The real backend. */
export class Link implements Backend {
  readonly #calls = new rpc.Peer();
  readonly #topics = new pubsub.PubSub();
  readonly #storage: SharedStorage;
  readonly #client: Client;
  readonly objects: dstm.Client;
  readonly aside: Aside;
  readonly inbox: Inbox;
  name = '';
  readonly #listeners: ((line: Line) => void)[] = [];
  readonly #list: (() => void)[] = [];
  #wasOpen = false;
  #line: Line = { phase: 'connecting' };

  /** storage is where the page keeps who it is, what waits, and the boards that it knows. */
  constructor(storage: SharedStorage) {
    this.#storage = storage;
    this.objects = new dstm.Client({ storage, transactions });
    this.#client = new Client('/ws', { agent: 'trefoil-whiteboard', maxBackoff: 4000, storage }, this.#calls, this.#topics, this.objects);
    this.aside = new Aside(this.me);
    this.inbox = new LinkInbox(this);
    this.#client.onState((state) => {
      this.#wasOpen ||= state.phase === 'open';
      this.#line = lineOf(state, this.#wasOpen);
      for (const fn of this.#listeners) fn(this.#line);
    });
    void this.#follow();
  }

  get me(): string {
    return this.#client.id;
  }

  get line(): Line {
    return this.#line;
  }

  onLine(fn: (line: Line) => void): void {
    this.#listeners.push(fn);
  }

  list(): Promise<readonly BoardInfo[]> {
    return listBoards.call(this.#calls, {}, { waitReady: true });
  }

  find(id: string): Promise<BoardInfo> {
    return findBoard.call(this.#calls, id, { waitReady: true });
  }

  create(name: string): Promise<BoardInfo> {
    return createBoard.call(this.#calls, { name }, { timeout: 10_000 });
  }

  rename(id: string, name: string): Promise<BoardInfo> {
    return renameBoard.call(this.#calls, { id, name }, { timeout: 10_000 });
  }

  onList(fn: () => void): void {
    this.#list.push(fn);
  }

  async open(id: string): Promise<Board> {
    const votes = this.objects.open(`votes/${id}`);
    votes.catch(() => {}); // then there is no board either
    return new LinkBoard(await this.objects.open(`board/${id}`), votes, this);
  }

  get keeping(): Keeping {
    const { durable, problem } = this.#storage;
    const word = problem?.reason.replace(/^transport\.storage_/, '') ?? '';
    return { durable, problem: word === 'missing' && !isSecureContext ? 'insecure' : word };
  }

  get unsaved(): number {
    return this.objects.works.filter((w) => !w.durable).length;
  }

  onKeeping(fn: () => void): void {
    this.#storage.onProblem(() => fn());
  }

  enter(id: string): Room {
    return new LinkRoom(cursors.at(id), this.#topics, this.#client.id);
  }

  close(): void {
    void this.#client.close();
  }

  /** Tells when the list of boards is new, or may be because some message was missed. */
  async #follow(): Promise<void> {
    try {
      for await (const _ of listChanged.at().subscribe(this.#topics)) for (const fn of this.#list) fn();
    } catch {
      // the connection has ended for good, which the banner tells
    }
  }
}

/** The state of the connection in a person's terms. */
function lineOf(state: State, wasOpen: boolean): Line {
  if (state.phase === 'open') return { phase: 'open' };
  if (state.phase === 'connecting') return { phase: wasOpen || state.attempt > 0 ? 'waiting' : 'connecting' };
  const why = state.error?.reason === 'transport.superseded' ? 'This board goes on in another window.' : `The connection has ended: ${state.error?.message ?? 'closed'}.`;
  return { phase: 'closed', why: `${why} Reload the page to go on here.` };
}
