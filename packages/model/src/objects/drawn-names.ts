/** Names and numbers that a control plane picks at random, made from what they are for: the same input gives the same cluster. */

/** FNV-1a, 32 bits, as Kubernetes uses it for pod template hashes. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  // FNV mixes its last characters poorly into the high bits: finish as MurmurHash3 does.
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Letters of apimachinery's util/rand: no vowels, so that no words come out. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** A suffix as `generateName` adds one. `length` at most 12. */
export function suffix(seed: string, length: number): string {
  let text = '';
  let value = hash32(seed);
  for (let i = 0; i < length; i++) {
    if (i % 6 === 5) value = hash32(`${seed}/${i}`);
    text += ALPHABET[value % ALPHABET.length];
    value = Math.floor(value / ALPHABET.length);
  }
  return text;
}

/** Lower-case hexadecimal digits, as many as asked for. */
export function hexDigits(seed: string, length: number): string {
  let text = '';
  for (let i = 0; text.length < length; i++) text += hash32(`${i}:${seed}`).toString(16).padStart(8, '0');
  return text.slice(0, length);
}

/** `base-suffix` that is not taken yet; the base is cut so that the name fits (names.go, `maxNameLength` 63). */
export function uniqueName(base: string, seed: string, length: number, isTaken: (name: string) => boolean): string {
  const cut = base.slice(0, 63 - 1 - length);
  for (let attempt = 0; ; attempt++) {
    const name = `${cut}-${suffix(attempt === 0 ? seed : `${seed}#${attempt}`, length)}`;
    if (!isTaken(name)) return name;
  }
}
