/** What a file's first bytes say that it is. */
export type Format = 'text' | 'gzip' | 'tar' | 'binary' | 'zip' | 'xz' | 'bzip2' | 'zstd';

const magics: readonly [Format, readonly number[]][] = [
  ['gzip', [0x1f, 0x8b]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

const SNIFFED = 4096;

function beginsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

/** `ustar` stands at 257 in every tar of this century. */
function isTar(bytes: Uint8Array): boolean {
  return bytes.length >= 512 && beginsWith(bytes.subarray(257), [0x75, 0x73, 0x74, 0x61, 0x72]);
}

/** UTF-16 by its byte order mark, or by the zero byte that every ASCII character has there (YAML 1.1, section 5.2). */
function utf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (bytes.length < 4 || bytes.length % 2 !== 0) return undefined;
  if (a !== 0 && b === 0 && c !== 0 && d === 0) return 'utf-16le';
  return a === 0 && b !== 0 && c === 0 && d !== 0 ? 'utf-16be' : undefined;
}

export function formatOf(bytes: Uint8Array): Format {
  const magic = magics.find(([, start]) => beginsWith(bytes, start));
  if (magic !== undefined) return magic[0];
  if (isTar(bytes)) return 'tar';
  if (utf16(bytes) !== undefined) return 'text';
  return bytes.subarray(0, SNIFFED).includes(0) ? 'binary' : 'text';
}

export interface Decoded {
  /** Without a byte order mark; line breaks as they are. */
  text: string;
  /** Offset of the first character that is no valid UTF-8 or UTF-16; it reads U+FFFD. */
  invalidAt?: number;
}

/** Decode a text file. Bytes that are no text become U+FFFD and are reported, so that the rest can be read. */
export function decodeText(bytes: Uint8Array): Decoded {
  const encoding = utf16(bytes) ?? 'utf-8';
  const text = new TextDecoder(encoding).decode(bytes);
  const replaced = text.indexOf('\uFFFD');
  if (replaced === -1) return { text };
  try {
    // U+FFFD may be what the file holds.
    new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return { text };
  } catch {
    return { text, invalidAt: replaced };
  }
}

/** Offsets of line starts; line numbers from offsets. */
export class Lines {
  readonly #starts: Uint32Array;

  constructor(text: string) {
    let starts = new Uint32Array(16 + (text.length >> 4));
    let count = 1;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
      if (count === starts.length) {
        const longer = new Uint32Array(count * 2);
        longer.set(starts);
        starts = longer;
      }
      starts[count++] = at + 1;
    }
    this.#starts = starts.subarray(0, count);
  }

  /** 1-based. */
  lineAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}
