import { PubSub } from "../../src/pubsub/index.ts";
import type { SubscriptionEvent } from "../../src/pubsub/index.ts";
import type { Feed } from "../../src/pubsub/index.ts";
import { FakeSession, settle } from "../rpc/fake.ts";

export const me = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
export const myId = "000102030405060708090a0b0c0d0e0f";

/** A client with a session. */
export function world(room?: number): { client: PubSub; session: FakeSession } {
  const client = new PubSub();
  return { client, session: new FakeSession(client, room) };
}

/** Frames of a server about the stream 3. */
export const subscribed = (id: number, log: string | null, epoch: string | null, offset: number, replay = false): unknown[] =>
  [2, 2, 3, id, log, epoch, offset, replay];
export const publication = (topic: string, offset: number, prev: number, payload: unknown): unknown[] =>
  [2, 8, 3, topic, offset, prev, me, null, payload, null];
export const replay = (id: number, upTo: number, last: boolean, ...entries: unknown[]): unknown[] => [2, 9, 3, id, upTo, last, entries];
export const entry = (topic: string, offset: number, payload: unknown): unknown[] => [topic, offset, me, null, payload, null];

/** What waits in a subscription, in short: values, and gaps as "cause:after-to". */
export function short(event: SubscriptionEvent<unknown>): unknown {
  return event.type === "message" ? event.value : `${event.cause}:${event.after}-${event.to}${event.count === null ? "" : `#${event.count}`}`;
}

/** Collects everything that a feed tells, shortened. */
export function collect(feed: Feed<SubscriptionEvent<never>> | Feed<SubscriptionEvent>): () => Promise<unknown[]> {
  const events: unknown[] = [];
  (feed as Feed<SubscriptionEvent>).on((e) => events.push(short(e)), (err) => events.push(err ? `end ${err.reason}` : "end"));
  return async () => {
    await settle();
    return events.splice(0);
  };
}
