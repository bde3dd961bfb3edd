import type { Body } from "../internal/body.ts";
import type { PubSub } from "./client.ts";
import { Kind, readMember, readMembers, readPosition } from "./frames.ts";
import type { Matcher } from "./matcher.ts";
import { Cause } from "./message.ts";
import type { Message, Position } from "./message.ts";
import { isPlain } from "./name.ts";
import type { Wire } from "./wire.ts";

/** Takes a live publication to all it is meant for (docs/PROTOCOL.md, section 7, Live). */
export function publication(match: Matcher<Wire>, body: Body): void {
  const topic = body.text();
  const offset = body.count();
  const prev = body.count();
  const content = readContent(body);
  let message: Message | null = null;
  for (const wire of match.collect(topic)) {
    if (wire.state !== "live" || (offset > 0 && !wire.advance(topic, offset, prev))) continue;
    message ??= makeMessage(topic, wire.at, content);
    wire.push(message);
  }
}

/** A skip stands for a publication that is not for this client. */
export function skip(match: Matcher<Wire>, body: Body): void {
  const topic = body.text();
  const offset = body.count();
  const prev = body.count();
  for (const wire of match.collect(topic)) {
    if (wire.state === "live") wire.advance(topic, offset, prev);
  }
}

/** A member joined or left. */
export function member(wires: Iterable<Wire>, body: Body): void {
  const topic = body.text();
  const joined = body.bool();
  const who = readMember(body);
  for (const wire of wires) {
    if (wire.filter === topic) wire.watch?.change(who, joined);
  }
}

/** What the server says about one subscription. */
export function control(client: PubSub, wire: Wire, kind: number, body: Body): void {
  switch (kind) {
    case Kind.subscribed: {
      const at = readPosition(body);
      return wire.subscribed(at, body.bool());
    }
    case Kind.replay:
      return replay(wire, body);
    case Kind.gap:
      return gap(wire, body);
    case Kind.memberList:
      return wire.watch?.reset(readMembers(body));
    case Kind.refused:
    case Kind.ended: {
      const err = body.error();
      client.remove(wire);
      return wire.finish(err);
    }
  }
}

/** A gap that the server tells. */
function gap(wire: Wire, body: Body): void {
  const cause = body.count();
  const epoch = body.textOrNull();
  const after = body.count();
  const to = body.count();
  const count = body.countOrNull();
  const topic = isPlain(wire.filter) ? wire.filter : null;
  if (cause !== Cause.EpochChanged) return wire.gap({ topic, epoch, after, to, count, cause });
  wire.move({ log: wire.at.log, epoch: epoch ?? "", offset: after });
  wire.gap({ topic, epoch, after: 0, to: 0, count, cause });
}

/** A part of history. */
function replay(wire: Wire, body: Body): void {
  const upTo = body.count();
  const last = body.bool();
  const list = body.list();
  while (list.left > 0) entry(wire, list.list());
  if (upTo > wire.at.offset) wire.move({ ...wire.at, offset: upTo });
  wire.state = last ? "live" : "replaying";
}

function entry(wire: Wire, body: Body): void {
  const elements = body.left;
  const topic = body.text();
  const offset = body.count();
  const cause = elements > 2 && elements < 6 ? body.count() : null;
  if (offset <= wire.at.offset) return;
  // Before the position moves: what is malformed ends the session, and the next one is to begin in front of it.
  const content = elements >= 6 ? readContent(body) : null;
  wire.move({ ...wire.at, offset });
  if (cause !== null) wire.gap({ topic, epoch: wire.at.epoch, after: offset - 1, to: offset, count: 1, cause });
  else if (content !== null) wire.push(makeMessage(topic, wire.at, content));
}

/** What a publication or an entry ends with; it becomes a message when its position is known. */
type Content = Pick<Message, "from" | "metadata" | "value" | "key">;

function readContent(body: Body): Content {
  const from = body.id();
  const metadata = body.texts();
  const value = body.value();
  const key = body.left > 0 ? body.textOrNull() : null;
  return { from, metadata, value, key: key || null };
}

function makeMessage(topic: string, at: Position, { from, metadata, value, key }: Content): Message {
  return Object.freeze({ type: "message", value, topic, position: at.log === "" ? null : Object.freeze(at), from, metadata, key });
}
