import type { TrefoilError } from "../../src/status.ts";
import type { Frame, Pattern, Receiver, Session } from "../../src/transport/index.ts";

/** A pattern that keeps what it is told, and can be waited for. */
export class Probe implements Pattern {
  readonly name: string;
  readonly sessions: Session[] = [];
  readonly frames: Frame[] = [];
  readonly closed: TrefoilError[] = [];
  readonly finished: TrefoilError[] = [];
  onFrame: (frame: Frame, session: Session) => void = () => {};
  private waiting: (() => void)[] = [];

  constructor(name = "rpc") {
    this.name = name;
  }

  attach(session: Session): Receiver {
    this.sessions.push(session);
    this.wake();
    return {
      receive: (frame) => {
        this.frames.push(frame);
        this.onFrame(frame, session);
        this.wake();
      },
      close: (err) => {
        this.closed.push(err);
        this.wake();
      },
    };
  }

  finish(err: TrefoilError): void {
    this.finished.push(err);
    this.wake();
  }

  /** Resolves when a condition holds; it is looked at after each event of the pattern. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private wake(): void {
    const due = this.waiting;
    this.waiting = [];
    for (const fn of due) fn();
  }
}
