import type { Body } from "../internal/body.ts";
import { metadataValue } from "../internal/limits.ts";
import type { Member, Position } from "./message.ts";

/** The kinds of docs/PROTOCOL.md, section 7. */
export const Kind = {
  subscribe: 1, subscribed: 2, unsubscribe: 3, publish: 5, published: 6, refused: 7, publication: 8, replay: 9, gap: 10,
  skip: 11, member: 12, members: 13, memberList: 14, ended: 15,
} as const;

const pubsub = 2; // the pattern's number
const flagNotToMyself = 1;

export type OutFrame = readonly unknown[];

export const subscribeFrame = (filter: string, id: number, options: Record<string, unknown> | null): OutFrame =>
  [pubsub, Kind.subscribe, filter, id, options];

export const unsubscribeFrame = (filter: string, id: number): OutFrame => [pubsub, Kind.unsubscribe, filter, id];

export const membersFrame = (topic: string, id: number): OutFrame => [pubsub, Kind.members, topic, id];

export function publishFrame(
  topic: string, id: number, notToMyself: boolean, metadata: Readonly<Record<string, string>> | undefined, payload: unknown, key: string | undefined,
): OutFrame {
  return [pubsub, Kind.publish, topic, id, notToMyself ? flagNotToMyself : 0, metadataValue(metadata), payload, key || null];
}

/** A position as it stands in a frame; "" for nil. */
export function readPosition(body: Body): Position {
  const log = body.textOrNull() ?? "";
  const epoch = body.textOrNull() ?? "";
  return { log, epoch, offset: body.count() };
}

export function readMember(body: Body): Member {
  const client = body.id();
  const user = body.textOrNull() ?? "";
  if (client === null) throw body.malformed();
  return { client, user, since: body.time() };
}

export function readMembers(body: Body): Member[] {
  const list = body.list();
  const members: Member[] = [];
  while (list.left > 0) members.push(readMember(list.list()));
  return members;
}
