import { Code, TrefoilError, snake } from "../status.ts";

/** The close codes of docs/PROTOCOL.md, section 4. */
export const CloseCode = {
  normal: 1000,
  goingAway: 4000,
  heartbeat: 4001,
  slowConsumer: 4002,
  internal: 4003,
  overloaded: 4004,
  expired: 4005,
  handshakeTimeout: 4006,
  superseded: 4100,
  unauthenticated: 4101,
  permissionDenied: 4102,
  malformed: 4103,
  protocol: 4104,
  tooLarge: 4105,
  outdated: 4106,
  kicked: 4107,
} as const;

/** Reports whether a client that was closed with a code should reconnect. */
export function comeBack(code: number): boolean {
  return code !== CloseCode.normal && (code < 4100 || code > 4199);
}

/** The reason of an error for a close code: `transport.` and the code's name. */
export function closeReason(code: number): string {
  const found = Object.entries(CloseCode).find(([, n]) => n === code);
  if (found) return `transport.${snake(found[0])}`;
  return code >= 4000 && code <= 4199 ? `transport.close_${code}` : "transport.connection_lost";
}

/** The error of a session that ended with a close code, on whichever side. */
export function closeError(code: number, reason: string, cause?: unknown): TrefoilError {
  const of = closeReason(code);
  const message = reason !== "" ? reason : of === "transport.connection_lost" ? "the connection was lost" : `the session was closed: ${of.slice(10)}`;
  return new TrefoilError(Code.Unavailable, of, message, { cause });
}

/** A session's error as the one that asked for the session should see it: a refused login by its own code. */
export function refusal(err: TrefoilError): TrefoilError {
  const codes: Record<string, Code> = {
    "transport.unauthenticated": Code.Unauthenticated,
    "transport.permission_denied": Code.PermissionDenied,
    "transport.outdated": Code.FailedPrecondition,
  };
  const code = codes[err.reason];
  return code === undefined ? err : new TrefoilError(code, err.reason, err.message, { cause: err });
}

/** The text of a close frame: at most 123 bytes of UTF-8 (RFC 6455, section 5.5). */
export function closeText(reason: string): string {
  let text = "";
  let size = 0;
  const encoder = new TextEncoder();
  for (const c of reason) {
    size += encoder.encode(c).length;
    if (size > 123) break;
    text += c;
  }
  return text;
}
