// What part of which board this tab shows, so that a reload shows the same.
import { maxZoom, minZoom, type Camera } from './camera.ts';
import { maxCoordinate } from './model.ts';

const key = 'whiteboard.view';

export function keepView(board: string, { x, y, zoom }: Camera): void {
  try {
    sessionStorage.setItem(key, JSON.stringify({ board, x, y, zoom }));
  } catch {
    // forbidden or full: then all of the board is shown
  }
}

/** What was shown of a board before a reload, null if it was another board or nothing. */
export function viewOf(id: string): Camera | null {
  try {
    const { board, x, y, zoom } = JSON.parse(sessionStorage.getItem(key) ?? '{}') as { readonly [key: string]: unknown };
    sessionStorage.removeItem(key);
    const within = (v: unknown, least: number, most: number): v is number => typeof v === 'number' && v >= least && v <= most;
    const far = 2 * maxCoordinate;
    return board === id && within(x, -far, far) && within(y, -far, far) && within(zoom, minZoom, maxZoom) ? { x, y, zoom } : null;
  } catch {
    return null;
  }
}
