import { relative, simplify } from '../geometry.ts';
import { maxPoints, type Op, type Point } from '../model.ts';
import type { Tool } from './gesture.ts';

/** Draws a stroke. One that becomes too long is continued by another. */
export const pen: Tool = (desk, p) => {
  let points: Point[] = [p];
  const full: Op[] = []; // strokes that are long enough
  let now = desk.begin('pen', p, { points: relative(points) });
  desk.draft = now;
  return {
    move(more) {
      const least = 0.7 / desk.camera.zoom;
      for (const q of more) {
        const last = points.at(-1)!;
        if (Math.hypot(q.x - last.x, q.y - last.y) < least) continue;
        points.push(q);
        if (points.length < maxPoints) continue;
        full.push({ op: 'put', shape: { ...now, points: relative(points) } });
        points = [q];
        now = { ...desk.begin('pen', q), z: now.z + full.length / 1000 };
      }
      desk.draft = { ...now, points: relative(points) };
    },
    end() {
      const slim = simplify(points, 0.12 / desk.camera.zoom);
      desk.draft = null;
      desk.do([...full, { op: 'put', shape: { ...now, points: relative(slim) } }]);
    },
    cancel() {
      desk.draft = null;
    },
  };
};
