import type { Client, ClientOptions } from "../../../src/dstm/client.ts";
import type { SharedObject } from "../../../src/dstm/index.ts";
import { transaction } from "../../../src/dstm/index.ts";
import { Net } from "../net.ts";
import { Disk, DiskStorage } from "./disk.ts";

/** Sets one value that it has read. */
export const put = transaction<{ path: string[]; value: unknown }>("put", (tx, { path, value }) => tx.set(path, value));
/** Adds, whatever is there. */
export const add = transaction<number>("add", (tx, n) => tx.add(["total"], n));
/** Counts on from what it has read. */
export const next = transaction<null>("next", (tx) => tx.set(["n"], ((tx.read(["n"]) ?? 0) as number) + 1));
/** The same, but loses for good at once. */
export const once = transaction<string>("once", (tx, text) => tx.set(["text"], text), { attempts: 1 });
/** Throws if there is too little. */
export const take = transaction<number>("take", (tx, n) => {
  const left = (tx.read(["left"]) ?? 0) as number;
  if (left < n) throw new Error(`only ${left} left`);
  tx.set(["left"], left - n);
});
export const all = [put, add, next, once, take];

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One process of a client that keeps its things on a disk. */
export class Page {
  readonly storage: DiskStorage;
  readonly c: Client;

  constructor(
    readonly net: Net,
    readonly disk: Disk,
    options: ClientOptions = {},
    readonly number = 1,
  ) {
    this.storage = new DiskStorage(disk);
    this.c = net.client({ storage: this.storage, transactions: all, ...options }, number);
  }

  connect(): void {
    this.net.connect(this.c);
  }

  /** Opens an object that is kept, or that the server has. */
  async open(name = "board"): Promise<SharedObject> {
    const opening = this.c.open(name);
    await this.net.sync();
    return opening;
  }

  /** The process is gone, without a word. */
  kill(): void {
    this.storage.kill();
    this.net.cut(this.c);
  }

  /** The frames that were sent and have not arrived, of a kind. */
  sent(kind: number): readonly unknown[][] {
    return this.net.session(this.c).link.toServer.filter((f) => f[1] === kind) as unknown[][];
  }
}

/** A net with somebody else in it. */
export async function scene(): Promise<{ net: Net; disk: Disk; other: SharedObject }> {
  const net = new Net();
  const b = net.client({}, 200);
  net.connect(b);
  const opening = b.open("board");
  await net.sync();
  return { net, disk: new Disk(), other: await opening };
}

/** The same, with its board open in a page. */
export async function drawing(): Promise<{ net: Net; disk: Disk; other: SharedObject; p: Page; board: SharedObject }> {
  const { net, disk, other } = await scene();
  const p = new Page(net, disk);
  p.connect();
  return { net, disk, other, p, board: await p.open() };
}
