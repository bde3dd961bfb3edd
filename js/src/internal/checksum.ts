/**
 * A checksum of 8 bytes over the UTF-8 of a text and some bytes: two FNV-1a sums of 32 bits that begin differently. It finds accidents and what was changed by hand, not
 * malice.
 */
export function checksum(text: string, bytes: Uint8Array): Uint8Array {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  const add = (c: number): void => {
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul(b ^ c ^ (a >>> 24), 0x01000193);
  };
  for (const c of new TextEncoder().encode(text)) add(c);
  add(0x100);
  for (let i = 0; i < bytes.length; i++) add(bytes[i] as number);
  const out = new Uint8Array(8);
  const view = new DataView(out.buffer);
  view.setUint32(0, a >>> 0);
  view.setUint32(4, b >>> 0);
  return out;
}
