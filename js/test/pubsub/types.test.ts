// What the compiler must accept and refuse; `tsc --noEmit` is the test. Nothing here runs.
import { test } from "node:test";
import { topic } from "../../src/pubsub/index.ts";
import type { Message, PubSub } from "../../src/pubsub/index.ts";

interface Chat {
  text: string;
}

export async function accepted(client: PubSub, signal: AbortSignal): Promise<void> {
  const chat = topic<Chat>("chat.{room}");
  const exact = topic<Chat, "chat.{room}.{n}">("chat.{room}.{n}");
  const untyped = topic("plain.topic");
  await chat.at("a").publish(client, { text: "hi" }, { notToMyself: true, signal });
  await exact.at("a", "b").publish(client, { text: "hi" });
  await untyped.at().publish(client, [1, "two"]);
  for await (const e of chat.all().subscribe(client, { last: 5 })) {
    if (e.type === "gap") e.count?.toFixed();
    else e.value.text.trim();
  }
  const message: Message<Chat> | undefined = undefined;
  void message;

  // @ts-expect-error the value is not the topic's
  await chat.at("a").publish(client, { text: 5 });
  // @ts-expect-error a parameter is missing
  exact.at("a");
  // @ts-expect-error one too many
  exact.at("a", "b", "c");
  // @ts-expect-error this template has none
  untyped.at("a");
  // @ts-expect-error parameters are strings
  chat.at(5);
  // @ts-expect-error an unknown option
  chat.at("a").subscribe(client, { lst: 5 });
  // @ts-expect-error no position
  chat.at("a").subscribe(client, { from: "newest" });
  // @ts-expect-error one cannot publish to many topics
  chat.all().publish(client, { text: "" });
  chat.at("a").subscribe(client).on((e) => {
    // @ts-expect-error a gap has no value
    void e.value;
    // @ts-expect-error events are read-only
    if (e.type === "message") e.value = { text: "" };
  });
}

test("types are checked by the compiler", () => {});
