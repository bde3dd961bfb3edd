// The people at a board: ephemeral messages, and the members of their topic.
import { pubsub } from 'trefoil';
import type { Message, Room } from './board.ts';

export const cursors = pubsub.topic<Message, 'cursors.{board}'>('cursors.{board}');

export class LinkRoom implements Room {
  readonly #address: pubsub.Address<Message>;
  readonly #topics: pubsub.PubSub;
  readonly #me: string;
  readonly #messages: pubsub.Subscription<Message>;
  readonly #members: pubsub.MemberFeed;
  #onPeople: () => void = () => {};
  #onMessage: (from: string, message: unknown) => void = () => {};

  constructor(address: pubsub.Address<Message>, topics: pubsub.PubSub, me: string) {
    this.#address = address;
    this.#topics = topics;
    this.#me = me;
    this.#messages = address.subscribe(topics, { buffer: 128 });
    this.#members = address.watchMembers(topics);
    void this.#listen();
    void this.#watch();
  }

  people(): readonly string[] {
    const here = this.#members.list().map((m) => m.client);
    return here.includes(this.#me) ? here : [...here, this.#me];
  }

  send(message: Message): void {
    // Of the moment: what does not get through is not worth another try.
    this.#address.publish(this.#topics, message, { notToMyself: true }).catch(() => {});
  }

  onPeople(fn: () => void): void {
    this.#onPeople = fn;
  }

  onMessage(fn: (from: string, message: unknown) => void): void {
    this.#onMessage = fn;
  }

  leave(): void {
    this.#messages.close();
    this.#members.close();
  }

  async #listen(): Promise<void> {
    try {
      for await (const event of this.#messages) {
        if (event.type === 'message') this.#onMessage(event.from ?? '', event.value);
        else this.#onPeople(); // something was missed: a name, perhaps
      }
    } catch {
      // the connection has ended for good, which the banner tells
    }
  }

  async #watch(): Promise<void> {
    try {
      for await (const _ of this.#members) this.#onPeople();
    } catch {
      // see above
    }
  }
}
