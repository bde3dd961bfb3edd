import { badTopic } from "./errors.ts";
import { anySegment, checkTopic, plainSegment, split } from "./name.ts";

/** A topic in which whole segments may be parameters: `chat.{room}`. */
export class Template {
  readonly text: string;
  /** The parameters' names, in order. */
  readonly names: readonly string[];
  readonly #prefix: string;
  readonly #segments: readonly (string | { readonly name: string })[];

  /** Throws `pubsub.bad_topic` for a malformed template. */
  constructor(text: string) {
    if (typeof text !== "string") throw badTopic("a template is a string");
    const [namespace, segments] = split(text);
    if (/[{}]/.test(namespace)) throw badTopic(`template ${text}: a namespace is no parameter`);
    this.text = text;
    this.#prefix = text.includes(":") ? `${namespace}:` : "";
    this.#segments = segments.map((segment) => {
      const name = /^\{([^{}]*)\}$/.exec(segment)?.[1];
      if (name === undefined ? /[{}]/.test(segment) : !plainSegment(name)) throw badTopic(`template ${text}: a parameter is a whole segment, {name}`);
      return name === undefined ? segment : { name };
    });
    this.names = this.#segments.flatMap((s) => (typeof s === "string" ? [] : [s.name]));
    checkTopic(this.#replace(() => "p"));
  }

  /** Puts parameters in, in order. Throws `pubsub.bad_topic` for a wrong number, or one that is not one plain segment. */
  fill(params: readonly string[]): string {
    if (params.length !== this.names.length) {
      throw badTopic(`topic ${this.text} takes ${this.names.length} parameters, not ${params.length}`);
    }
    params.forEach((p, i) => {
      if (!plainSegment(p)) throw badTopic(`parameter ${this.names[i]} of topic ${this.text} is not one plain segment`);
    });
    const topic = this.#replace((i) => params[i]!);
    checkTopic(topic); // its length
    return topic;
  }

  /** The template with every parameter a wildcard. */
  filter(): string {
    return this.#replace(() => anySegment);
  }

  #replace(by: (i: number) => string): string {
    let n = 0;
    return this.#prefix + this.#segments.map((s) => (typeof s === "string" ? s : by(n++))).join(".");
  }
}
