import { Body } from "../internal/body.ts";
import { Outbox } from "../internal/outbox.ts";
import type { Item } from "../internal/outbox.ts";
import { Code, TrefoilError } from "../status.ts";
import type { Frame, Receiver } from "../transport/pattern.ts";
import type { Session } from "../transport/session.ts";
import type { PubSub } from "./client.ts";
import { Kind, readMembers, readPosition } from "./frames.ts";
import type { Member } from "./message.ts";
import { control, member, publication, skip } from "./receive.ts";
import type { Request } from "./request.ts";
import type { Wire } from "./wire.ts";

/** A client's end of one session. */
export class Link implements Receiver {
  readonly #client: PubSub;
  readonly #outbox: Outbox;
  readonly #requests = new Map<number, Request>();
  readonly #asking = new Map<Wire, Item>();

  constructor(client: PubSub, session: Session) {
    this.#client = client;
    this.#outbox = new Outbox(session);
  }

  /** How many requests wait for their answers. */
  get pending(): number {
    return this.#requests.size;
  }

  receive(frame: Frame): void {
    const client = this.#client;
    const body = new Body(frame.body, "pubsub");
    if (typeof frame.stream !== "number" || frame.stream < 0) throw body.malformed();
    switch (frame.kind) {
      case Kind.publication:
        return publication(client.matcher, body);
      case Kind.skip:
        return skip(client.matcher, body);
      case Kind.member:
        return member(client.wires.values(), body);
      case Kind.subscribed:
      case Kind.replay:
      case Kind.gap:
      case Kind.ended: {
        // What is about subscriptions that were closed meanwhile is ignored.
        const wire = client.wires.get(body.count());
        if (wire) control(client, wire, frame.kind, body);
        return;
      }
      case Kind.published:
      case Kind.refused:
      case Kind.memberList: {
        const id = body.count();
        const wire = client.wires.get(id);
        if (wire) control(client, wire, frame.kind, body);
        else this.#answer(id, frame.kind, body);
        return;
      }
    }
    throw new TrefoilError(Code.FailedPrecondition, "pubsub.protocol", `unknown kind ${frame.kind}`);
  }

  close(err: TrefoilError): void {
    this.#client.detach(this);
    this.#outbox.clear();
    this.abandon(err);
  }

  /** Fails what waits for an answer. */
  abandon(err: TrefoilError): void {
    for (const request of [...this.#requests.values()]) request.lost(err);
  }

  /** Asks for a subscription, now or when there is room. */
  subscribe(wire: Wire): void {
    const item: Item = {
      frame: () => wire.subscribeFrame(),
      done: (err) => {
        this.#asking.delete(wire);
        if (!err) wire.state = "asked"; // otherwise the session has ended, and the next one is asked
      },
    };
    this.#asking.set(wire, item);
    this.#outbox.send(item);
  }

  /** Tells the server, unless it has never heard of it. */
  unsubscribe(wire: Wire): void {
    const item = this.#asking.get(wire);
    if (item) {
      this.#asking.delete(wire);
      this.#outbox.remove(item);
    } else if (wire.state !== "unsent") {
      this.#outbox.send({ frame: () => wire.unsubscribeFrame(), done: () => {} });
    }
  }

  /** Sends a request and keeps it until it settles. */
  send(request: Request): void {
    this.#requests.set(request.id, request);
    this.#outbox.send(request);
  }

  /** Takes a request off: it has settled. */
  forget(request: Request): void {
    this.#requests.delete(request.id);
    this.#outbox.remove(request);
  }

  #answer(id: number, kind: number, body: Body): void {
    const request = this.#requests.get(id);
    if (!request) return; // given up meanwhile
    if (kind === Kind.refused) return request.fail(body.error());
    if (kind === Kind.published) {
      const at = readPosition(body);
      return request.settle({ position: at.log === "" ? null : at, members: noMembers });
    }
    request.settle({ position: null, members: readMembers(body) });
  }
}

const noMembers: Member[] = [];
