import { Code, TrefoilError } from "../status.ts";

const messages: Readonly<Record<string, string>> = {
  "codec.truncated": "the bytes end inside a value",
  "codec.count": "more elements announced than bytes are left",
  "codec.depth": "nested too deep",
  "codec.invalid_code": "0xc1 begins no value",
  "codec.utf8": "a string is not valid Unicode",
  "codec.key_type": "a map key is not a string",
  "codec.duplicate_key": "a map holds a key twice",
  "codec.extension": "an extension is not a timestamp",
  "codec.time": "a timestamp is out of range",
  "codec.integer_range": "an integer is out of range",
  "codec.trailing": "bytes after the value",
  "codec.json": "not JSON",
  "codec.wrapper": "malformed or unknown object with a single key that begins with $",
  "codec.type": "a thing that has no place among the values",
};

/** The error of bytes, text or a thing that is no value. It never repeats the input. */
export function codecError(reason: string, message?: string): TrefoilError {
  return new TrefoilError(Code.InvalidArgument, reason, message ?? messages[reason] ?? reason);
}
