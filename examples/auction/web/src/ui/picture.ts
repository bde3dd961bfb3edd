// A lot's picture as an element.
import { art, artHeight, artWidth } from '../art.ts';
import { s } from './dom.ts';

/** Draws the picture of a lot. It says nothing that the title does not. */
export function picture(id: string): SVGSVGElement {
  return s('svg', { viewBox: `0 0 ${artWidth} ${artHeight}`, preserveAspectRatio: 'xMidYMid slice', class: 'art', 'aria-hidden': 'true' }, ...art(id).map((m) => s(m.tag, m.attrs)));
}
