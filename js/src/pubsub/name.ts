import { fits } from "../internal/body.ts";
import { maxName } from "../internal/limits.ts";
import { badTopic } from "./errors.ts";

/** Matches exactly one segment. */
export const anySegment = "*";
/** Matches one segment or more, at the end. */
export const anyRest = ">";

/** Throws `pubsub.bad_topic` unless the text names one topic. */
export function checkTopic(text: string): void {
  check(text, "topic", false);
}

/** Throws `pubsub.bad_topic` unless the text is a topic or a wildcard over topics. */
export function checkFilter(text: string): void {
  check(text, "filter", true);
}

function check(text: string, what: string, wildcards: boolean): void {
  if (typeof text !== "string" || text === "" || !fits(text, maxName)) throw badTopic(`a ${what} is 1 to ${maxName} bytes of UTF-8`);
  const colon = text.indexOf(":");
  if (colon >= 0 && !plainSegment(text.slice(0, colon))) throw badTopic("a namespace is one plain segment before a colon");
  const segments = text.slice(colon + 1).split(".");
  segments.forEach((segment, i) => {
    if (wildcards && (segment === anySegment || (segment === anyRest && i === segments.length - 1))) return;
    if (!plainSegment(segment)) {
      throw badTopic(`a ${what} is segments between dots, none empty, without '*', '>', ':', white space and control characters`);
    }
  });
}

/**
 * Reports whether the text can stand for itself as one segment. What a template's parameters must satisfy: otherwise a room called
 * "a.>" would widen a topic.
 */
export function plainSegment(text: string): boolean {
  return typeof text === "string" && text !== "" && !/[.*>:\p{White_Space}\p{Cc}\p{Cs}]/u.test(text);
}

/** Reports whether a valid filter names exactly one topic. */
export function isPlain(filter: string): boolean {
  return !filter.includes(anySegment) && !filter.endsWith(anyRest);
}

/** Splits a valid name into its namespace, "" the default one, and its segments. */
export function split(name: string): [namespace: string, segments: string[]] {
  const colon = name.indexOf(":");
  return [colon < 0 ? "" : name.slice(0, colon), name.slice(colon + 1).split(".")];
}
