import { codecError } from "./errors.ts";

const encoder = new TextEncoder();
// Without ignoreBOM a decoder swallows a leading U+FEFF, and the string would not be the one that was sent.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const loneSurrogate = /[\ud800-\udfff]/u;

/** The UTF-8 of a string; throws `codec.utf8` for a lone surrogate, which has none. */
export function toUTF8(text: string): Uint8Array {
  checkUnicode(text);
  return encoder.encode(text);
}

/** The string whose UTF-8 is given; throws `codec.utf8` if it is none. */
export function fromUTF8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw codecError("codec.utf8");
  }
}

/** Throws `codec.utf8` for a string with a lone surrogate. */
export function checkUnicode(text: string): void {
  if (loneSurrogate.test(text)) throw codecError("codec.utf8");
}

/** Orders strings as their UTF-8 bytes are ordered. JavaScript's own order differs where surrogates meet U+E000 and above. */
export function compareUTF8(a: string, b: string): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      // A surrogate stands for a code point above all others.
      if (x < 0xe000) x += 0x10000;
      if (y < 0xe000) y += 0x10000;
    }
    return x - y;
  }
  return a.length - b.length;
}
