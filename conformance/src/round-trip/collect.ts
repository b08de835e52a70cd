/** Every text of Linux's tools that stands anywhere in a folder: in files of their own, and in values of JSON. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type DumpKind, sniff } from '@podwire/model';

export interface Found {
  kind: DumpKind;
  text: string;
  /** The first file that has it. */
  file: string;
  /** A number that its text alone decides. */
  draw: number;
}

/** Whole listings, not lines out of one. */
const WHOLE: Readonly<Partial<Record<DumpKind, RegExp>>> = {
  'iptables-save': /^\*\w+$/m,
  nft: /^(add )?table \w+ \S+ \{|^\s*\{\s*"nftables"/m,
  ipset: /^create \S+ |^Name: /m,
  conntrack: /\bsrc=\S+ dst=\S+ .*\bsrc=\S+ dst=/m,
  'ip-route': /./,
  'ip-rule': /./,
  'ip-addr': /link\/\w|link_type|^\d+: \S+ +inet6? /m,
  'ip-neigh': /./,
  'ip-nexthop': /./,
  'bridge-fdb': /./,
  'ipvs-save': /./,
};

function* filesIn(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile()) yield path;
  }
}

function textOf(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** Fields that `ip -j` and `bridge -j` print of every record of a kind, whatever else. */
const ALWAYS = [
  ['flags', 'dst'],
  ['flags', 'ifname', 'ifindex'],
  ['flags', 'id'],
  ['priority', 'src', 'table'],
  ['dst', 'state', 'dev'],
  ['mac', 'ifname'],
];

/** Lists whose records look like those of `ip -j`; objects that look like `nft -j`. */
function isListing(value: object): boolean {
  if (!Array.isArray(value)) return 'nftables' in value && Array.isArray(value.nftables);
  const [first]: unknown[] = value;
  if (typeof first !== 'object' || first === null) return false;
  return ALWAYS.some((keys) => keys.every((key) => key in first));
}

/** Undefined where it is no JSON: manifests may have comments. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Counters, handles, and times that run: listings that differ in these alone are one. */
const FIGURES =
  /\[\d+:\d+\]|packets \d+ bytes \d+|"(?:packets|bytes|handle|expires|used|valid_life_time|preferred_life_time)": ?\d+,?|# handle \d+|expires \S+/g;

export class Collection {
  readonly found = new Map<string, Found>();

  /** `file`: named where something is wrong. */
  take(text: string, file: string): boolean {
    if (text.length < 8) return false;
    const kind = sniff(text);
    const whole = kind && WHOLE[kind];
    if (!kind || !whole?.test(text)) return false;
    const key = createHash('sha1')
      .update(`${kind}\n${text.replace(FIGURES, '')}`)
      .digest('hex');
    if (!this.found.has(key)) this.found.set(key, { kind, text, file, draw: Number.parseInt(key.slice(0, 8), 16) });
    return true;
  }

  #value(value: unknown, file: string): void {
    if (typeof value === 'string') {
      if (value.includes('\n')) this.take(value, file);
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    if (isListing(value) && this.take(JSON.stringify(value), file)) return;
    for (const inner of Object.values(value)) this.#value(inner, file);
  }

  folder(folder: string): void {
    for (const path of filesIn(folder)) {
      const file = path.slice(folder.length + 1);
      const name = file.replace(/\.gz$/, '');
      const text = textOf(path);
      if (name.endsWith('.jsonl')) {
        for (const line of text.split('\n')) if (line !== '') this.#value(parsed(line), file);
      } else if (name.endsWith('.json')) {
        this.#value(parsed(text), file);
      } else if (name.endsWith('.txt')) {
        this.take(text, file);
      }
    }
  }
}
