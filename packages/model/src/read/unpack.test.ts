import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { inflate } from './gzip.ts';
import { readSources } from './read.ts';
import { readTar } from './tar.ts';
import { isSourceName, unpack } from './unpack.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const pod = (name: string): string => `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "${name}"}}\n`;

/** One ustar entry: POSIX.1-1988, table 10-1. */
function entry(name: string, content = '', flag = '0', prefix = ''): Uint8Array {
  const bytes = encode(content);
  const header = new Uint8Array(512);
  const put = (at: number, text: string): void => header.set(encode(text), at);
  put(0, name);
  put(100, '0000644\0');
  put(124, `${bytes.length.toString(8).padStart(11, '0')}\0`);
  put(148, '        ');
  put(156, flag);
  put(257, 'ustar\x0000');
  put(345, prefix);
  put(
    148,
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
  );
  const padded = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
  padded.set(bytes);
  return new Uint8Array([...header, ...padded]);
}

function tar(...entries: Uint8Array[]): Uint8Array {
  return new Uint8Array([...entries.flatMap((bytes) => [...bytes]), ...new Uint8Array(1024)]);
}

/** A pax record: its length counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = encode(rest).length;
  const length = bytes + String(bytes + 2).length;
  return `${length}${rest}`;
}

async function names(bytes: Uint8Array, name = 'in.tar'): Promise<string[]> {
  return (await unpack([{ name, bytes }])).files.map((file) => file.name);
}

describe('unpack', () => {
  const plain = tar(
    entry('./b/', '', '5'),
    entry('./b/pods.json', pod('a')),
    entry('c.yaml', pod('b')),
    entry('notes.txt', 'x'),
  );

  it('opens tar, gzip and both together, whatever the names say', async () => {
    expect(await names(plain)).toEqual(['in.tar/b/pods.json', 'in.tar/c.yaml']);
    expect(await names(gzipSync(plain), 'in.tgz')).toEqual(['in.tgz/b/pods.json', 'in.tgz/c.yaml']);
    expect(await names(gzipSync(plain), 'unnamed')).toEqual(['unnamed/b/pods.json', 'unnamed/c.yaml']);
    expect(await names(gzipSync(pod('a')), 'pods.json.gz')).toEqual(['pods.json']);
    expect(await names(encode(pod('a')), 'pods.gz')).toEqual(['pods.gz']);
    const nested = tar(entry('inner.yaml.gz', ''), entry('x.json', pod('x')));
    expect(await names(nested)).toContain('in.tar/x.json');
  });

  it('reads the objects in an archive, with their places', async () => {
    const { objects, ignored } = await readSources([{ name: 'in.tgz', bytes: gzipSync(plain) }]);
    expect(objects.map(({ object, origin }) => [object.metadata.name, origin.file, origin.line])).toEqual([
      ['a', 'in.tgz/b/pods.json', 1],
      ['b', 'in.tgz/c.yaml', 1],
    ]);
    expect(ignored).toEqual([{ file: 'in.tgz/notes.txt', code: 'other-file', why: 'not YAML or JSON by its name' }]);
  });

  it('refuses paths that lead out of the archive, and links', async () => {
    const hostile = tar(
      entry('../up.yaml', pod('a')),
      entry('a/../../up.yaml', pod('a')),
      entry('/etc/up.yaml', pod('a')),
      entry('C:up.yaml', pod('a')),
      entry('..\\up.yaml', pod('a')),
      entry('link.yaml', '', '2'),
      entry('hard.yaml', '', '1'),
      entry('device.yaml', '', '3'),
      entry('..fine/good.yaml', pod('b')),
    );
    const { files, problems, ignored } = await unpack([{ name: 'in.tar', bytes: hostile }]);
    expect(files.map(({ name }) => name)).toEqual(['in.tar/..fine/good.yaml']);
    expect(problems.map(({ code }) => code)).toEqual([
      ...Array(5).fill('archive-path'),
      'archive-link',
      'archive-link',
    ]);
    expect(ignored).toMatchObject([{ file: 'in.tar/device.yaml', code: 'other-file' }]);
  });

  it('reads what a damaged archive still holds, and says that it is damaged', async () => {
    const cut = plain.subarray(0, 2000);
    const { files, problems } = await unpack([{ name: 'in.tar', bytes: cut }]);
    expect(files.map(({ name }) => name)).toEqual(['in.tar/b/pods.json']);
    expect(problems).toMatchObject([{ severity: 'error', code: 'archive-damaged', file: 'in.tar' }]);
    const zipped = gzipSync(encode(pod('a').repeat(5000) + Math.PI));
    const cutZip = await unpack([{ name: 'p.json.gz', bytes: zipped.subarray(0, zipped.length - 20) }]);
    expect(cutZip.problems).toMatchObject([{ code: 'archive-damaged' }]);
  });

  it('refuses archives inside archives inside archives, and packers it does not know', async () => {
    const deep = gzipSync(gzipSync(gzipSync(gzipSync(pod('a')))));
    const zip = new Uint8Array([0x50, 0x4b, 3, 4, 0, 0]);
    const xz = new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]);
    const { files, problems } = await unpack([
      { name: 'deep.gz', bytes: deep },
      { name: 'a.zip', bytes: zip },
      { name: 'a.tar.xz', bytes: xz },
    ]);
    expect(files).toEqual([]);
    expect(problems.map(({ code }) => code)).toEqual(['archive-too-deep', 'unknown-archive', 'unknown-archive']);
  });
});

describe('inflate', () => {
  it('stops a bomb at the limit', async () => {
    const bomb = gzipSync(new Uint8Array(50_000_000));
    expect(await inflate(bomb, 1_000_000)).toEqual({ bytes: new Uint8Array(0), damaged: false, tooLarge: true });
    expect((await inflate(gzipSync('x'), 10)).bytes).toEqual(encode('x'));
  });
});

describe('readTar', () => {
  it('reads long names of ustar, GNU and pax', () => {
    const long = `${'d'.repeat(120)}/pods.yaml`;
    const archive = tar(
      entry('pods.yaml', '1', '0', 'some/folder'),
      entry('././@LongLink', `${long}\0`, 'L'),
      entry('cut', '2'),
      entry('PaxHeader', `${record('mtime', '1')}${record('path', 'pax/é.yaml')}`, 'x'),
      entry('cut', '3'),
      entry('plain.yaml', '4'),
    );
    const { entries, truncated } = readTar(archive, 100);
    expect(entries.map(({ name }) => name)).toEqual(['some/folder/pods.yaml', long, 'pax/é.yaml', 'plain.yaml']);
    expect(truncated).toBe(false);
  });

  it('does not loop on pax records whose lengths are wrong', () => {
    for (const wrong of ['\n', '0 a=b\n', '1 a=b\n', '-5 a=b\n', '99 a=b\n', 'x a=b\n', ' ', '19 path=é.yaml\n']) {
      expect(readTar(tar(entry('P', wrong, 'x'), entry('a.yaml')), 9).entries).toHaveLength(1);
    }
  });

  it('stops at a header that does not add up and at the limit of entries', () => {
    const archive = tar(entry('a.yaml'), entry('b.yaml'), entry('c.yaml'));
    expect(readTar(archive, 2)).toMatchObject({ entries: [{ name: 'a.yaml' }, { name: 'b.yaml' }], truncated: false });
    archive[512 + 3] = 0x58;
    expect(readTar(archive, 100)).toMatchObject({ entries: [{ name: 'a.yaml' }], truncated: true });
  });
});

describe('isSourceName', () => {
  it.each([
    ['a.yaml', true],
    ['dir/A.YML', true],
    ['a.json.gz', true],
    ['a.tgz', true],
    ['a.tar.gz', true],
    ['a.kyaml', true],
    ['a.ndjson', true],
    ['a.txt', false],
    ['yaml', false],
    ['dir.yaml/README', false],
    ['dir/._a.yaml', false],
  ])('%s: %s', (name, expected) => {
    expect(isSourceName(name)).toBe(expected);
  });
});
