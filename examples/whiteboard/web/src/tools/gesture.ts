import type { Desk } from '../desk.ts';
import type { Point } from '../model.ts';

/** What happens between pressing and letting go. Points are on the board. */
export interface Gesture {
  move(points: readonly Point[], shift: boolean): void;
  end(): void;
  /** Ends it without effect. */
  cancel(): void;
}

/** Begins a gesture at p; null: there is nothing to it. */
export type Tool = (desk: Desk, p: Point, shift: boolean) => Gesture | null;
