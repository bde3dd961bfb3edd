// A lot's picture as an element.
import { art, artHeight, artWidth } from '../art.ts';
import { s } from './dom.ts';

/** Draws the picture of a lot, with cut left away above and below. It says nothing that the title does not. */
export function picture(id: string, cut = 0): SVGSVGElement {
  return s('svg', { viewBox: `0 ${cut} ${artWidth} ${artHeight - 2 * cut}`, preserveAspectRatio: 'xMidYMid slice', class: 'art', 'aria-hidden': 'true' }, ...art(id, cut).map((m) => s(m.tag, m.attrs)));
}
