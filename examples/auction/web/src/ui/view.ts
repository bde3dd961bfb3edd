// What the page's views have in common.
import type { Mine } from '../cards.ts';
import type { Link, News } from '../link.ts';
import type { Pass } from '../login.ts';

/** What a view may use of the page around it. */
export interface Stage {
  readonly link: Link;
  /** Shows another place of the page. */
  go(path: string): void;
  /** Says a short word, for a while. */
  say(words: string): void;
  /** Asks for draw before the next frame. */
  ask(): void;
  /** The lots that one has to do with; null for a visitor. */
  mine(): Mine | null;
  /** Takes note that one has to do with a lot now. */
  join(lot: string): void;
  /** Goes on as somebody, or as a visitor. */
  become(pass: Pass | null, then: string): void;
}

/** One place of the page. */
export interface View {
  readonly element: HTMLElement;
  readonly title: string;
  /** Brings the element up to date; called at most once a frame. */
  draw(): void;
  /** Takes a key that nothing else wanted. */
  key?(key: string): boolean;
  hear?(news: News): void;
  close?(): void;
}
