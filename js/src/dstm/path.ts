/** Names a node of an object's tree: one key for each map from the root. The empty path is the root. Read-only. */
export type Path = readonly string[];

/** Limits of a path (PROTOCOL.md, section 8). */
export const MAX_DEPTH = 32;
/** The length of a key, in bytes of UTF-8. */
export const MAX_KEY = 256;

/** Whether the path is within the limits and every key is UTF-8. */
export function validPath(path: Path): boolean {
  return Array.isArray(path) && path.length <= MAX_DEPTH && path.every(validKey);
}

/** Whether key may name a child: 1 to 256 bytes of UTF-8. */
export function validKey(key: unknown): key is string {
  return typeof key === "string" && key.length > 0 && withinUtf8(key, MAX_KEY);
}

/** Whether text is UTF-8 (no lone surrogate) of at most max bytes. */
export function withinUtf8(text: string, max: number): boolean {
  if (text.length > max) return false;
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x80) bytes += 1;
    else if (c < 0x800) bytes += 2;
    else if (c < 0xd800 || c > 0xdfff) bytes += 3;
    else {
      const next = text.charCodeAt(++i);
      if (c > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false;
      bytes += 4;
    }
  }
  return bytes <= max;
}

/** Whether name may name an object or a log: 1 to 255 bytes of UTF-8 without control characters. */
export function validName(name: unknown): name is string {
  return typeof name === "string" && name.length > 0 && withinUtf8(name, 255) && !/[\u0000-\u001f\u007f-\u009f]/.test(name);
}

/**
 * The keys joined with slashes; "~" and "/" in a key are written "~0" and "~1", as in a JSON Pointer (RFC 6901,
 * section 3), but without the slash in front.
 */
export function pathString(path: Path): string {
  return path.map((key) => key.replaceAll("~", "~0").replaceAll("/", "~1")).join("/");
}

/** Whether path is prefix or lies below it. */
export function startsWith(path: Path, prefix: Path): boolean {
  return path.length >= prefix.length && prefix.every((key, i) => path[i] === key);
}

/** Whether the paths are equal or one lies below the other. */
export function touches(a: Path, b: Path): boolean {
  return startsWith(a, b) || startsWith(b, a);
}

/** A frozen copy, which its giver can no longer change. */
export function copyPath(path: Path): Path {
  return Object.freeze([...path]);
}

/**
 * Orders keys by their bytes of UTF-8. That is the order of code points, from which UTF-16's own order differs
 * where surrogates meet what lies above them (U+E000 to U+FFFF).
 */
export function compareKeys(a: string, b: string): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return lift(x) - lift(y);
  }
  return a.length - b.length;
}

/** Puts surrogates above all other code units. */
function lift(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Whether two paths are the same. */
export function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && startsWith(a, b);
}
