// Drawing at most once a frame, however many prices move.

/** Calls draw in the next frame after ask, once for all that asked; in a hidden page a little later, so that its title stays right. */
export class Frame {
  readonly #draw: () => void;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(draw: () => void) {
    this.#draw = draw;
    document.addEventListener('visibilitychange', () => {
      if (this.#frame === 0) return;
      this.#stop(); // a frame that was asked for while hidden may never come
      this.ask();
    });
  }

  ask(): void {
    if (this.#frame !== 0) return;
    const go = () => {
      this.#stop();
      this.#draw();
    };
    this.#frame = requestAnimationFrame(go);
    if (document.visibilityState === 'hidden') this.#timer = setTimeout(go, 1000);
  }

  #stop(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = 0;
  }
}
