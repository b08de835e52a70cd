/** `bridge link` and `bridge fdb`. */
import type { FdbEntry } from '@podwire/engine';
import { type Host, linkNamed } from './host.ts';
import { onOff } from './link.ts';
import { IpRefusal, kernelError } from './refusal.ts';
import type { Words } from './words.ts';

/** Settings of a port that no packet of ours can tell apart. */
const IGNORED = [
  'learning',
  'flood',
  'mcast_flood',
  'bcast_flood',
  'guard',
  'root_block',
  'fastleave',
  'cost',
  'priority',
];

export function setBridgePort(host: Host, words: Words): void {
  words.take('dev');
  const link = linkNamed(host.netns, words.next('device'));
  if (link.master === undefined) throw kernelError('EOPNOTSUPP');
  while (!words.done) {
    const word = words.next();
    if (word === 'hairpin') link.hairpin = onOff(words.next('on|off'));
    else if (word === 'isolated') link.isolated = onOff(words.next('on|off'));
    else if (IGNORED.includes(word)) words.next(word);
    else throw new IpRefusal(`bridge port setting "${word}" is not modelled`);
  }
}

export function changeFdb(host: Host, verb: string, words: Words): void {
  const entry: FdbEntry = { mac: words.next('mac').toLowerCase(), link: '' };
  while (!words.done) {
    const word = words.next();
    if (word === 'dev') entry.link = words.next('device');
    else if (word === 'dst') entry.dst = words.address();
    else if (!['self', 'master', 'permanent', 'static', 'local', 'dynamic', 'temp'].includes(word)) {
      throw new IpRefusal(`fdb option "${word}" is not modelled`);
    }
  }
  linkNamed(host.netns, entry.link);
  host.netns.fdb ??= [];
  const entries = host.netns.fdb;
  const same = (other: FdbEntry) => other.mac === entry.mac && other.link === entry.link;
  const at = entries.findIndex((other) => same(other) && (verb !== 'append' || other.dst === entry.dst));
  switch (verb) {
    case 'add':
    case 'append':
      if (at >= 0) throw kernelError('EEXIST');
      entries.push(entry);
      return;
    case 'replace':
      if (at >= 0) entries[at] = entry;
      else entries.push(entry);
      return;
    case 'del':
    case 'delete':
      if (at < 0) throw kernelError('ENOENT');
      entries.splice(at, 1);
      return;
    default:
      throw new IpRefusal(`Command "${verb}" is unknown, try "bridge fdb help".`);
  }
}
