// The house's time. The computer's clock may be a day off, so it is never asked: what counts is what the server said its time
// was, and how long ago that is by a counter that no clock setting moves.

/** How far a sample may drift before a newer one, though less exact, is better: quartz is wrong by some 50 millionths. */
const drift = 100e-6;

/** Reads a counter of milliseconds that only rises, such as performance.now. */
export type Ticker = () => number;

export class Clock {
  readonly #ticks: Ticker;
  #offset: number | null = null;
  #error = Infinity;
  #at = 0;

  constructor(ticks: Ticker = () => performance.now()) {
    this.#ticks = ticks;
  }

  /** Whether the server has told its time at all. */
  get known(): boolean {
    return this.#offset !== null;
  }

  /** How far off the time may be, in milliseconds. */
  get error(): number {
    return this.#error + (this.#ticks() - this.#at) * drift;
  }

  /** The counter now, for the beginning of a question. */
  ticks(): number {
    return this.#ticks();
  }

  /** Takes an answer: the question was asked when the counter stood at asked, the server's time in it was server. It is kept if it is more exact than what is known. */
  answer(asked: number, server: number): void {
    const now = this.#ticks();
    const half = (now - asked) / 2;
    if (!Number.isFinite(server) || !(half >= 0)) return;
    if (this.#offset !== null && half > this.error) return;
    this.#offset = server - (asked + half);
    this.#error = half;
    this.#at = now;
  }

  /** Forgets what was known: the computer has slept, perhaps, and the counter with it. */
  doubt(): void {
    this.#error = Infinity;
  }

  /** The server's time in milliseconds since 1970. Only where known. */
  now(): number {
    return this.#offset === null ? NaN : this.#ticks() + this.#offset;
  }
}

/** How long until something, as a countdown shows it: 2 d 4 h, 1 h 05 min, 4:09, 0:07. */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  if (s >= 86_400) return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 60)}:${two(s % 60)}`;
}

/** The same for a screen reader: "4 minutes 9 seconds". */
export function spoken(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const many = (n: number, one: string) => `${n} ${one}${n === 1 ? '' : 's'}`;
  if (s >= 86_400) return `${many(Math.floor(s / 86_400), 'day')} ${many(Math.floor((s % 86_400) / 3600), 'hour')}`;
  if (s >= 3600) return `${many(Math.floor(s / 3600), 'hour')} ${many(Math.floor((s % 3600) / 60), 'minute')}`;
  if (s >= 60) return `${many(Math.floor(s / 60), 'minute')} ${many(s % 60, 'second')}`;
  return many(s, 'second');
}

/** How long ago something was: now, 12 s ago, 4 min ago, 3 h ago, 2 d ago. */
export function ago(ms: number): string {
  const s = Math.floor(ms / 1000);
  if (s < 3) return 'now';
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86_400)} d ago`;
}

/** A moment of the server's time, written in this computer's time zone. */
export function moment(ms: number): string {
  return new Date(ms).toLocaleString('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/** The hour and minute of a moment, with seconds if asked for. */
export function hour(ms: number, seconds = false): string {
  return new Date(ms).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', ...(seconds ? { second: '2-digit' } : {}) });
}
