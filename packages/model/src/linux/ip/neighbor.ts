/** `ip neigh`: static neighbours and proxy entries. */
import type { Family, Neighbor } from '@podwire/engine';
import { type Host, linkNamed } from './host.ts';
import { IpRefusal, kernelError } from './refusal.ts';
import type { Words } from './words.ts';

const STATES: Readonly<Record<string, Neighbor['state']>> = {
  permanent: 'permanent',
  noarp: 'noarp',
  reachable: 'reachable',
  stale: 'stale',
  failed: 'failed',
};

function read(words: Words, family: Family | undefined): Neighbor {
  let address: string | undefined;
  let link: string | undefined;
  const rest: Pick<Neighbor, 'lladdr' | 'proxy' | 'state'> = {};
  while (!words.done) {
    const word = words.next();
    switch (word) {
      case 'lladdr':
        rest.lladdr = words.next('lladdr').toLowerCase();
        break;
      case 'dev':
        link = words.next('device');
        break;
      case 'proxy':
        rest.proxy = true;
        break;
      case 'nud': {
        const state = STATES[words.next('nud state')];
        if (!state) throw new IpRefusal('nud state is bad');
        rest.state = state;
        break;
      }
      case 'router':
      case 'extern_learn':
        break;
      case 'to':
        address = words.address(family);
        break;
      default:
        if (rest.proxy && address === undefined) address = word;
        else if (address === undefined) address = word;
        else throw new IpRefusal(`neighbour option "${word}" is not modelled`);
    }
  }
  if (link === undefined || address === undefined)
    throw new IpRefusal('Device and destination are required arguments.');
  return { link, address, ...rest };
}

export function changeNeighbor(host: Host, verb: string, words: Words, family: Family | undefined): void {
  const entry = read(words, family);
  const { netns } = host;
  linkNamed(netns, entry.link);
  netns.neighbors ??= [];
  const entries = netns.neighbors;
  const at = entries.findIndex(
    (n) => n.link === entry.link && n.address === entry.address && !n.proxy === !entry.proxy,
  );
  switch (verb) {
    case 'add':
      // A proxy entry may be added again.
      if (at >= 0 && !entry.proxy) throw kernelError('EEXIST');
      if (at < 0) entries.push(entry);
      return;
    case 'change':
    case 'chg':
    case 'replace':
      if (at >= 0) entries[at] = entry;
      else if (verb === 'replace') entries.push(entry);
      else throw kernelError('ENOENT');
      return;
    case 'del':
    case 'delete':
      if (at < 0) throw kernelError('ENOENT');
      entries.splice(at, 1);
      return;
    default:
      throw new IpRefusal(`Command "${verb}" is unknown, try "ip neigh help".`);
  }
}
