// The price chart's geometry: what stands where. ui/chart.ts draws it.

/** A price from a moment on. */
export interface Point {
  readonly time: number;
  readonly cents: number;
}

export interface Scale {
  readonly from: number;
  readonly to: number;
  /** Where a value stands. */
  at(value: number): number;
  /** Which value stands there. */
  value(at: number): number;
}

export function scale(from: number, to: number, low: number, high: number): Scale {
  const span = to - from || 1;
  return { from, to, at: (v) => low + ((v - from) / span) * (high - low), value: (x) => from + ((x - low) / (high - low || 1)) * span };
}

/** About count round values within from and to: 1, 2 or 5 times a power of ten apart. */
export function ticks(from: number, to: number, count: number): number[] {
  if (!(to > from) || count < 1) return [from];
  const raw = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, (raw < 1.5 * power ? 1 : raw < 3.5 * power ? 2 : raw < 7.5 * power ? 5 : 10) * power);
  const out: number[] = [];
  for (let k = Math.ceil(from / step); k * step <= to; k++) out.push(k * step);
  return out;
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800].map((s) => s * 1000);

/** About count round moments within from and to. */
export function timeTicks(from: number, to: number, count: number): number[] {
  const step = steps.find((s) => (to - from) / s <= count) ?? steps.at(-1)!;
  const out: number[] = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) out.push(t);
  return out;
}

/** The range of prices that the chart spans: the points with a little air, from zero never below. */
export function priceRange(points: readonly Point[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const p of points) {
    low = Math.min(low, p.cents);
    high = Math.max(high, p.cents);
  }
  if (low > high) return [0, 100];
  const air = Math.max((high - low) * 0.12, high * 0.01, 100);
  return [Math.max(0, low - air), high + air];
}

/** The line of a price that holds until the next one: steps, ending at until. At most about one step for each pixel column is kept. */
export function stepPath(points: readonly Point[], x: Scale, y: Scale, until: number): string {
  let path = '';
  let column = -Infinity;
  let last = '';
  for (const p of points) {
    const px = x.at(p.time);
    const py = round(y.at(p.cents));
    if (path === '') path = `M${round(px)} ${py}`;
    else if (px - column < 0.7) {
      last = py; // a later price in the same column replaces the earlier one
      continue;
    } else path += (last ? `V${last}` : '') + `H${round(px)}V${py}`;
    column = px;
    last = '';
  }
  if (path !== '') path += (last ? `V${last}` : '') + `H${round(x.at(until))}`;
  return path;
}

/** The price that held at time: the newest point that is not later; undefined before the first. */
export function priceAt<P extends Point>(points: readonly P[], time: number): P | undefined {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (points[mid]!.time <= time) low = mid + 1;
    else high = mid;
  }
  return points[low - 1];
}

function round(n: number): string {
  return String(Math.round(n * 10) / 10);
}
