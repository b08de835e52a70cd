/** `ip addr show` and `ip link show` text, plain or `-j`, to links and addresses: the inverse of `print-link.ts`. */
import type { Address, Link, LinkKind } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { scopeOf } from './names.ts';
import type { AddressRecord, LinkRecord } from './print-link.ts';
import { byLine, complaint, type ReadOptions, readRecords } from './read-records.ts';

type Found = Partial<LinkRecord> & Pick<LinkRecord, 'ifname'>;

/** `2: eth0@if3: <UP> mtu 1500 qdisc noqueue master br0 state UP ...` */
function readHeader(line: string): Found {
  const m = /^(\d+): ([^@:\s]+)(?:@(\S+))?: <([^>]*)>(.*)$/.exec(line);
  if (!m) throw new RangeError('no interface');
  const words = (m[5] ?? '').trim().split(/\s+/);
  const value = (name: string) => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : words[at + 1];
  };
  const other = m[3];
  const index = /^if(\d+)$/.exec(other ?? '');
  const master = value('master');
  return {
    ifindex: Number(m[1]),
    ifname: m[2] ?? '',
    ...(other !== undefined && !index && other !== 'NONE' && { link: other }),
    ...(index && { link_index: Number(index[1]) }),
    flags: (m[4] ?? '').split(','),
    mtu: Number(value('mtu')),
    operstate: value('state') ?? 'UNKNOWN',
    ...(master !== undefined && { master }),
    addr_info: [],
  };
}

/** `    inet 10.0.0.1/24 brd 10.0.0.255 scope global secondary eth0` */
function readAddress(words: string[]): AddressRecord {
  const family = words.shift() === 'inet6' ? 'inet6' : 'inet';
  const [local = '', own] = (words.shift() ?? '').split('/');
  const record: AddressRecord = {
    family,
    local,
    prefixlen: Number(own),
    scope: 'global',
    valid_life_time: 0,
    preferred_life_time: 0,
  };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'peer') {
      const [address = '', length] = (words.shift() ?? '').split('/');
      Object.assign(record, { address, prefixlen: Number(length) });
    } else if (word === 'brd') record.broadcast = words.shift() ?? '';
    else if (word === 'metric') record.metric = Number(words.shift());
    else if (word === 'scope') record.scope = words.shift() ?? '';
    else if (word === 'secondary' || word === 'deprecated' || word === 'noprefixroute') record[word] = true;
  }
  return record;
}

/** Lines that belong to an interface are folded into its first. */
function readBlock(block: string): Found {
  const [header = '', ...lines] = block.split('\u0000');
  const record = readHeader(header);
  for (const line of lines) {
    const words = line.trim().split(/\s+/);
    if (words[0]?.startsWith('link/')) {
      record.link_type = words[0].slice('link/'.length);
      if (words[1] !== undefined) record.address = words[1];
      const at = words.indexOf('link-netns');
      const netns = words[at + 1];
      if (at > 0 && netns !== undefined) record.link_netns = netns;
    } else if (words[0] === 'inet' || words[0] === 'inet6') record.addr_info?.push(readAddress(words));
  }
  return record;
}

function kindOf(record: Found): LinkKind {
  const kind = record.linkinfo?.info_kind;
  if (record.link_type === 'loopback' || record.flags?.includes('LOOPBACK')) return 'loopback';
  if (kind === 'veth' || kind === 'bridge' || kind === 'dummy') return kind;
  // Without details a veth shows by its other end alone.
  return kind === undefined && (record.link_index !== undefined || record.link_netns !== undefined) ? 'veth' : 'device';
}

function toLink(record: Found): Link {
  const { flags = [], linkinfo } = record;
  const up = flags.includes('UP');
  const port = linkinfo?.info_slave_data as { hairpin?: boolean; isolated?: boolean } | undefined;
  const loopback = kindOf(record) === 'loopback';
  return {
    name: record.ifname,
    kind: kindOf(record),
    ...(record.ifindex !== undefined && { index: record.ifindex }),
    ...(record.address !== undefined && !loopback && { mac: record.address }),
    ...(record.mtu !== undefined && { mtu: record.mtu }),
    up,
    ...(up && !loopback && { carrier: flags.includes('LOWER_UP') }),
    ...(record.master !== undefined && { master: record.master }),
    ...(port?.hairpin && { hairpin: true }),
    ...(port?.isolated && { isolated: true }),
  };
}

function toAddress(link: string, a: AddressRecord): Address {
  const own = a.address === undefined ? a.prefixlen : a.family === 'inet' ? 32 : 128;
  return {
    link,
    address: `${a.local}/${own}`,
    scope: scopeOf(a.scope),
    ...(a.address !== undefined && { peer: `${a.address}/${a.prefixlen}` }),
    ...(a.broadcast !== undefined && { broadcast: a.broadcast }),
    ...(a.family === 'inet' && { secondary: a.secondary === true }),
    ...(a.deprecated && { deprecated: true }),
    ...(a.noprefixroute && { noprefixroute: true }),
    ...(a.metric !== undefined && { metric: a.metric }),
  };
}

/**
 * Which link is the other end of which is not said across namespaces; within one, veth pairs are joined when `netns` names the namespace.
 */
export function readIpAddr(
  text: string,
  options: ReadOptions & { netns?: string } = {},
): { links: Link[]; addresses: Address[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const folded = text.trimStart().startsWith('[') ? text : text.replace(/\n(?=[ \t]+\S)/g, '\u0000');
  const links: Link[] = [];
  const addresses: Address[] = [];
  for (const { record, line } of readRecords<Found>(folded, readBlock, 'ip-addr', problems, options)) {
    const { netns } = options;
    const joined = record.link !== undefined && netns !== undefined && kindOf(record) !== 'loopback';
    links.push({ ...toLink(record), ...(joined && { kind: 'veth', peer: { netns, link: record.link ?? '' } }) });
    for (const address of record.addr_info ?? []) {
      try {
        addresses.push(toAddress(record.ifname, address));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        problems.push(complaint('ip-addr', `${record.ifname}: ${why}`, line, options));
      }
    }
  }
  return { links, addresses, problems: byLine(problems) };
}
