/** Names of Service ports and the hashes that kube-proxy makes of them. */
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

/** `ServicePortName.String`: `namespace/name`, with `:port` where the port has a name. */
export function servicePortName(namespace: string, name: string, port: string): string {
  return port === '' ? `${namespace}/${name}` : `${namespace}/${name}:${port}`;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first `letters` letters of the base32 (RFC 4648) form of the text's SHA-256. */
export function nameHash(text: string, letters: 8 | 16): string {
  const digest = sha256(utf8ToBytes(text));
  let out = '';
  for (let letter = 0; letter < letters; letter++) {
    const bit = letter * 5;
    const byte = bit >> 3;
    const pair = ((digest[byte] as number) << 8) | (digest[byte + 1] as number);
    out += BASE32.charAt((pair >> (11 - (bit & 7))) & 31);
  }
  return out;
}
