// The panel of ?frames: the page pans over the board and says how smoothly it did. Its data attributes are for programs.
import type { Desk } from '../desk.ts';
import { figures, walk } from '../frames.ts';
import { bounds, union } from '../geometry.ts';
import { measure } from '../render.ts';
import type { Screen } from '../screen.ts';
import { h } from './dom.ts';

const seconds = 5;

export function framesPanel(desk: Desk, screen: Screen): HTMLElement {
  const begin = h('button', { type: 'button', class: 'main', click: () => void pan() }, `Pan for ${seconds} s`);
  const list = h('dl', {});
  const panel = h('section', { class: 'panel frames', 'aria-label': 'Frames', 'data-state': 'idle' }, begin, list);
  const rows = new Map<string, string>();
  const drawing: number[] = [];
  let shown = false;

  const say = (name: string, value: string) => {
    rows.set(name, value);
    list.replaceChildren(...[...rows].flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
  };
  const three = (name: string, key: string, times: readonly number[]) => {
    const f = figures(times);
    for (const [part, ms] of Object.entries(f)) panel.dataset[`${key}${part[0]!.toUpperCase()}${part.slice(1)}`] = ms.toFixed(1);
    say(name, `${f.p50.toFixed(1)}, ${f.p95.toFixed(1)}, ${f.longest.toFixed(1)} ms`);
  };

  screen.onPaint((ms) => {
    drawing.push(ms);
    if (drawing.length > 10_000) drawing.length = 0;
    if (shown || desk.board.shapes().length === 0) return;
    shown = true;
    panel.dataset['shown'] = performance.now().toFixed(0);
    panel.dataset['first'] = ms.toFixed(1);
    say('Shown after', `${performance.now().toFixed(0)} ms`);
    say('First drawing', `${ms.toFixed(1)} ms`);
  });

  async function pan(): Promise<void> {
    const shapes = desk.board.shapes();
    const box = union(shapes.map((s) => bounds(s, measure)));
    if (!box || panel.dataset['state'] === 'running') return;
    panel.dataset['state'] = 'running';
    begin.disabled = true;
    const from = desk.camera;
    const frames: number[] = [];
    drawing.length = 0;
    const first = await frame();
    for (let last = first; last - first < seconds * 1000; ) {
      desk.look(walk(from, box, innerWidth, innerHeight, (last - first) / 1000));
      const now = await frame();
      frames.push(now - last);
      last = now;
    }
    panel.dataset['shapes'] = String(shapes.length);
    panel.dataset['frames'] = String(frames.length);
    say('Shapes', String(shapes.length));
    say('Frames', String(frames.length));
    three('Frame: p50, p95, longest', 'frame', frames);
    three('Drawing: p50, p95, longest', 'drawing', drawing);
    desk.look(from);
    begin.disabled = false;
    panel.dataset['state'] = 'done';
  }

  return panel;
}

const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
