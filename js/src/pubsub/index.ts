/** Publish and subscribe: messages on dotted topics, with history, wildcards, resume after a reconnect, and members. */
export { PubSub } from "./client.ts";
export type { PublishOptions, PubSubOptions } from "./client.ts";
export { Feed } from "./feed.ts";
export { MemberFeed } from "./member_feed.ts";
export { Cause } from "./message.ts";
export type { Gap, Member, MemberEvent, Message, Position, SubscriptionEvent } from "./message.ts";
export { PubSubReason } from "./errors.ts";
export { Subscription } from "./subscription.ts";
export type { SubscribeOptions } from "./subscription.ts";
export { Address, Topic, TopicFilter, topic } from "./topic.ts";
export type { TopicParams } from "./topic.ts";
