import type { Value } from "../codec/value.ts";
import type { PublishOptions, PubSub } from "./client.ts";
import type { MemberFeed } from "./member_feed.ts";
import type { Member, Position } from "./message.ts";
import type { SubscribeOptions, Subscription } from "./subscription.ts";
import { Template } from "./template.ts";

/** The parameters of a template, as many as it has; any number if only `string` is known of it. */
export type TopicParams<P extends string> = string extends P
  ? string[]
  : P extends `${string}{${string}}${infer Rest}`
    ? [string, ...TopicParams<Rest>]
    : [];

/** A definition that servers and clients share: where messages of type T are published. */
export class Topic<T, P extends string = string> {
  readonly #template: Template;

  /** See {@link topic}. */
  constructor(template: P) {
    this.#template = new Template(template);
  }

  /** The template as text. */
  get template(): string {
    return this.#template.text;
  }

  /**
   * The topic with its parameters filled in, in order. Throws `pubsub.bad_topic` for a parameter that is not one plain segment (empty, or
   * with '.', '*', '>', ':', white space or control characters): a room called "a.>" widens nothing.
   */
  at(...params: TopicParams<P>): Address<T> {
    return new Address<T>(this.#template.fill(params as readonly string[]));
  }

  /** Every topic that the definition describes. */
  all(): TopicFilter<T> {
    return new TopicFilter<T>(this.#template.filter());
  }
}

/** One topic of a definition. A plain value. */
export class Address<T> {
  /** The topic. */
  readonly topic: string;

  /** @internal Made by {@link Topic.at}. */
  constructor(topic: string) {
    this.topic = topic;
  }

  /** Publishes value. See {@link PubSub.publish}. */
  publish(client: PubSub, value: T, options?: PublishOptions): Promise<Position | null> {
    return client.publish(this.topic, value, options);
  }

  /** Subscribes. See {@link PubSub.subscribe}. */
  subscribe(client: PubSub, options?: SubscribeOptions): Subscription<T> {
    return client.subscribe<T>(this.topic, options);
  }

  /** Who is subscribed. See {@link PubSub.members}. */
  members(client: PubSub, options?: { signal?: AbortSignal | undefined }): Promise<Member[]> {
    return client.members(this.topic, options);
  }

  /** Follows who is subscribed. See {@link PubSub.watchMembers}. */
  watchMembers(client: PubSub, options?: { signal?: AbortSignal | undefined }): MemberFeed {
    return client.watchMembers(this.topic, options);
  }
}

/** All topics of a definition. A plain value. */
export class TopicFilter<T> {
  /** The filter. */
  readonly filter: string;

  /** @internal Made by {@link Topic.all}. */
  constructor(filter: string) {
    this.filter = filter;
  }

  /** Subscribes to all of them. See {@link PubSub.subscribe}. */
  subscribe(client: PubSub, options?: SubscribeOptions): Subscription<T> {
    return client.subscribe<T>(this.filter, options);
  }
}

/**
 * Defines a topic; make it once. In the template whole segments may be parameters: `chat.{room}`. Throws `pubsub.bad_topic` for a malformed
 * one. The number of parameters is checked by the compiler if the template is given as a type too: `topic<Message, "chat.{room}">("chat.{room}")`.
 */
export function topic<T = Value, P extends string = string>(template: P): Topic<T, P> {
  return new Topic<T, P>(template);
}
