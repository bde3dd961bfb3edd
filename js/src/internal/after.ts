/** The longest delay that the platform's timers know, in ms. */
const longest = 2 ** 31 - 1;

/** Calls fn once, `delay` ms from now, however long that is; what it returns stops it. */
export function after(delay: number, fn: () => void): () => void {
  let left = delay;
  let timer: ReturnType<typeof setTimeout>;
  const arm = (): void => {
    const part = Math.min(left, longest);
    left -= part;
    timer = setTimeout(left > 0 ? arm : fn, part);
  };
  arm();
  return () => clearTimeout(timer);
}
