import { Code, TrefoilError } from "../status.ts";

/** Why a signal was aborted: deadline_exceeded for `AbortSignal.timeout`, else canceled. `unknown`: the effect may have happened. */
export function aborted(signal: AbortSignal, unknown: boolean): TrefoilError {
  const reason: unknown = signal.reason;
  const late = TrefoilError.from(reason).code === Code.DeadlineExceeded;
  const code = late ? Code.DeadlineExceeded : Code.Canceled;
  return new TrefoilError(code, "", late ? "deadline exceeded" : "canceled", { unknown, cause: reason });
}
