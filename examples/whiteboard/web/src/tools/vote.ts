import { onDots } from '../dots.ts';
import { measure } from '../render.ts';
import type { Tool } from './gesture.ts';

/** Gives the note under the pointer a dot; with shift, or on the dots themselves, takes one back. */
export const vote: Tool = (desk, p, shift) => ({
  move() {},
  end() {
    const dotted = [...desk.board.shapes()].reverse().find((s) => onDots(s, desk.board.votes.piles().get(s.id), p, measure));
    const there = dotted ?? desk.at(p);
    if (there) desk.vote([there.id], dotted || shift ? -1 : 1);
    else desk.say('Dots go on sticky notes.');
  },
  cancel() {},
});
