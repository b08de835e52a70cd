/** The tar format as GNU tar, bsdtar and Go's archive/tar write it: ustar with GNU long names and pax headers (POSIX.1-2001, pax). */

const BLOCK = 512;

export interface TarEntry {
  name: string;
  type: 'file' | 'folder' | 'link' | 'other';
  /** A view into the archive. */
  bytes: Uint8Array;
}

export interface Tar {
  entries: TarEntry[];
  /** The archive ends inside an entry, or an entry's header is damaged. */
  truncated: boolean;
}

const decoder = new TextDecoder();

function field(block: Uint8Array, start: number, length: number): string {
  const bytes = block.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return decoder.decode(end === -1 ? bytes : bytes.subarray(0, end));
}

/** Octal text, or base 256 when the first bit is set. */
function number(block: Uint8Array, start: number, length: number): number {
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) {
    let value = first & 0x7f;
    for (let index = 1; index < length; index++) value = value * 256 + (block[start + index] ?? 0);
    return value;
  }
  return Number.parseInt(field(block, start, length).trim() || '0', 8);
}

function checksumFits(block: Uint8Array): boolean {
  let sum = 0;
  for (let index = 0; index < BLOCK; index++) sum += index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
  return sum === number(block, 148, 8);
}

/** Records of a pax header: `LENGTH KEY=VALUE\n`. */
function paxRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(decoder.decode(bytes.subarray(at, space)));
    // A record that does not even hold its own length would be read for ever.
    if (space === -1 || !Number.isInteger(length) || length <= space - at) break;
    const record = decoder.decode(bytes.subarray(space + 1, at + length - 1));
    const equals = record.indexOf('=');
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

function entryType(flag: string): TarEntry['type'] {
  if (flag === '0' || flag === '' || flag === '7') return 'file';
  if (flag === '5') return 'folder';
  return flag === '1' || flag === '2' ? 'link' : 'other';
}

function headerName(block: Uint8Array): string {
  const name = field(block, 0, 100);
  const prefix = field(block, 257, 6) === 'ustar' ? field(block, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** List an archive's entries, at most `maxEntries`. Names are as written: the caller refuses those that lead elsewhere. */
export function readTar(archive: Uint8Array, maxEntries: number): Tar {
  const entries: TarEntry[] = [];
  let pax = new Map<string, string>();
  let longName: string | undefined;
  let at = 0;
  while (at + BLOCK <= archive.length && entries.length < maxEntries) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return { entries, truncated: false };
    if (!checksumFits(header)) return { entries, truncated: true };
    const size = Number(pax.get('size') ?? number(header, 124, 12));
    const start = at + BLOCK;
    if (!Number.isSafeInteger(size) || size < 0 || start + size > archive.length) return { entries, truncated: true };
    const bytes = archive.subarray(start, start + size);
    const flag = field(header, 156, 1);
    if (flag === 'x') {
      pax = paxRecords(bytes);
    } else if (flag === 'L') {
      longName = field(bytes, 0, bytes.length);
    } else if (flag !== 'g' && flag !== 'K') {
      entries.push({ name: pax.get('path') ?? longName ?? headerName(header), type: entryType(flag), bytes });
      pax = new Map();
      longName = undefined;
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return { entries, truncated: entries.length < maxEntries && at < archive.length };
}
