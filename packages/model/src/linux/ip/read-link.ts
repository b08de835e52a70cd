/** `ip addr show` and `ip link show` text, plain or `-j`, with `-d`, `-s`, `-o`: the inverse of `print-link.ts`. */
import type { Address, Link } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { looksLikeJsonList } from '../json-list.ts';
import { LINE_MAX, quoted } from '../lines.ts';
import { stackedRecord, toAddress, toLink } from './link-record.ts';
import { isKnownGroup } from './names.ts';
import type { AddressRecord, LinkRecord } from './print-link.ts';
import { readDetails } from './read-details.ts';
import { byLine, complaint, type ReadOptions, readRecords, withoutRemark } from './read-records.ts';

type Found = Partial<LinkRecord> & Pick<LinkRecord, 'ifname'>;

/** `2: eth0@if3: <UP> mtu 1500 qdisc noqueue master br0 state UP ...`; routers' own commands leave the number out. */
function readHeader(line: string): Found {
  const m = /^(?:(\d+): )?([^@:\s]+(?::[^@:\s]+)*)(?:@(\S+))?: <([^>]*)>(.*)$/.exec(line);
  if (!m) throw new RangeError('no interface');
  const words = (m[5] ?? '').trim().split(/\s+/);
  const value = (name: string) => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : words[at + 1];
  };
  const other = m[3];
  const index = /^if(\d+)$/.exec(other ?? '');
  const master = value('master');
  const group = value('group');
  const mtu = Number(value('mtu'));
  return {
    ...(m[1] !== undefined && { ifindex: Number(m[1]) }),
    ifname: m[2] ?? '',
    ...(other !== undefined && !index && other !== 'NONE' && { link: other }),
    ...(index && { link_index: Number(index[1]) }),
    flags: (m[4] ?? '').split(','),
    ...(mtu > 0 && { mtu }),
    operstate: value('state') ?? 'UNKNOWN',
    ...(master !== undefined && { master }),
    ...(group !== undefined && { group }),
    addr_info: [],
  };
}

/** include/uapi/linux/if_addr.h. */
const IFA_F_DEPRECATED = 0x20;

const FLAGS = new Set([
  'tentative',
  'dynamic',
  'nodad',
  'optimistic',
  'dadfailed',
  'temporary',
  'mngtmpaddr',
  'home',
  'autojoin',
  'stable-privacy',
]);

/** `    inet 10.0.0.1/24 brd 10.0.0.255 scope global secondary eth0`; throws RangeError. */
function readAddress(words: string[]): AddressRecord {
  const family = words.shift() === 'inet6' ? 'inet6' : 'inet';
  const [local = '', own = family === 'inet' ? '32' : '128'] = (words.shift() ?? '').split('/');
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
    else if (word === 'any' || word === 'proto') words.shift();
    else if (word === 'metric') record.metric = Number(words.shift());
    else if (word === 'scope') record.scope = words.shift() ?? '';
    else if (word === 'secondary' || word === 'deprecated' || word === 'noprefixroute') record[word] = true;
    // `-o` has the times on the same line.
    else if (word === 'valid_lft' || word === 'preferred_lft') words.shift();
    // Bits that this version of ip has no names for (`flags 02`): of those only an old address decides anything.
    else if (word === 'flags' && /^(0x)?[0-9a-f]+$/.test(words[0] ?? '')) {
      const bits = Number.parseInt(words.shift() ?? '', 16);
      if ((bits & IFA_F_DEPRECATED) !== 0) record.deprecated = true;
    }
    // The label of an IPv4 address comes last: the link's name, or the one it had when the address was given.
    else if (!FLAGS.has(word) && (family === 'inet6' || words.length > 0)) {
      throw new RangeError(`"${word}" is not understood`);
    }
  }
  return record;
}

const BRIEF = /^(\S+?)(?:@(\S+))?\s+(UP|DOWN|UNKNOWN|LOWERLAYERDOWN|DORMANT|TESTING|NOTPRESENT)(?:\s+(.*))?$/;

/** `eth0@if3 UP 10.0.0.1/24 fe80::1/64`, `eth0 UP 02:00:00:00:00:01 <BROADCAST,UP>`: `ip -br`, which leaves scopes out. */
function readBrief(line: string): Found | undefined {
  const m = BRIEF.exec(line);
  if (!m) return undefined;
  const [, ifname = '', other, state = '', rest = ''] = m;
  const words = rest.split(/\s+/).filter((word) => word !== '');
  const flags = /^<([^>]*)>$/.exec(words.at(-1) ?? '')?.[1]?.split(',');
  const isUp = state !== 'DOWN' && state !== 'NOTPRESENT';
  const mac = words.find((word) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(word));
  const index = /^if(\d+)$/.exec(other ?? '')?.[1];
  const record: Found = {
    ifname,
    flags: [...(flags ?? (isUp ? ['UP', 'LOWER_UP'] : [])), ...(ifname === 'lo' ? ['LOOPBACK'] : [])],
    operstate: state,
    ...(index !== undefined && { link_index: Number(index) }),
    ...(other !== undefined && index === undefined && { link: other }),
    ...(mac !== undefined && { address: mac }),
    addr_info: [],
  };
  for (const word of words) {
    if (!word.includes('/')) continue;
    const family = word.includes(':') ? 'inet6' : 'inet';
    const scope = /^(127\.|::1\/)/.test(word) ? 'host' : /^fe[89ab]/i.test(word) ? 'link' : 'global';
    record.addr_info?.push(readAddress([family, word, 'scope', scope]));
  }
  return record;
}

/** What stands under an interface and says nothing of where packets go: counters, times, other names, virtual functions. */
const PASSED =
  /^(valid_lft|RX|TX|altname|alias|\d[\d\s.KMGT]*$|vf \d|vfinfo|prog\/|xdp|port|tun |numtxqueues|parentbus|switchid|designated|allmulti|fanout)/;

class BlockReader {
  record: Found | undefined;

  /** Throws RangeError. */
  line(text: string): void {
    // `ip -o addr` has one line for each address, and the number and name before it.
    const alone = /^(\d+): (\S+)\s+(inet6?\s.*)$/.exec(text);
    if (alone) {
      this.record ??= { ifname: alone[2] as string, ifindex: Number(alone[1]), addr_info: [] };
      const [address = ''] = (alone[3] ?? '').split('\\');
      this.record.addr_info?.push(readAddress(address.trim().split(/\s+/)));
      return;
    }
    if (!this.record) {
      this.record = readBrief(text) ?? readHeader(text);
      return;
    }
    const { record } = this;
    const words = text.trim().split(/\s+/);
    const [first = ''] = words;
    if (first.startsWith('link/')) this.#link(words);
    else if (first === 'inet' || first === 'inet6') record.addr_info?.push(readAddress(words));
    else if (!PASSED.test(text.trim()) && !readDetails(words, record)) {
      throw new RangeError('it says nothing of an interface that is known here');
    }
  }

  #link(words: readonly string[]): void {
    const record = this.record as Found;
    record.link_type = words[0]?.slice('link/'.length) ?? '';
    if (words[1] !== undefined && words[1] !== 'promiscuity') record.address = words[1];
    const value = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
    const netns = value('link-netns');
    const other = value('peer');
    if (netns !== undefined) record.link_netns = netns;
    if (other !== undefined && record.link_type !== 'ether') Object.assign(record, { link_pointtopoint: true });
  }
}

/** Lines that belong to an interface are folded into its first; what is not understood of them is told line by line. */
function blocksOf(text: string, problems: Problem[], options: ReadOptions): { record: Found; line?: number }[] {
  const blocks: { record: Found; line?: number }[] = [];
  const byName = new Map<string, Found>();
  let reader: BlockReader | undefined;
  let number = (options.firstLine ?? 1) - 1;
  for (const raw of text.split('\n')) {
    number++;
    // `-o` folds the lines of one interface by backslashes.
    for (const line of withoutRemark(raw).split(/\\(?=\s)/)) {
      if (line.trim() === '') continue;
      const begins = /^(?:\d+: |\S+: <[A-Z0-9_,-]*> mtu )/.test(line) || BRIEF.test(line);
      if (begins) reader = new BlockReader();
      try {
        if (line.length > LINE_MAX) throw new RangeError(`it has ${line.length} characters`);
        if (!reader) throw new RangeError('no interface');
        const isNew = begins;
        reader.line(line);
        if (!isNew || !reader.record) continue;
        const known = byName.get(reader.record.ifname);
        // Addresses of one interface on several lines.
        if (known && reader.record.flags === undefined) {
          known.addr_info = [...(known.addr_info ?? []), ...(reader.record.addr_info ?? [])];
          reader.record = known;
          continue;
        }
        byName.set(reader.record.ifname, reader.record);
        blocks.push({ record: reader.record, line: number });
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        problems.push(complaint('ip-addr', `line not understood: ${error.message}: ${quoted(line)}`, number, options));
      }
    }
  }
  return blocks;
}

export interface ReadLinks {
  links: Link[];
  addresses: Address[];
  /** Kinds that the machine takes for plain devices, by link: `vlan`, `bond`, `wireguard`, where the listing tells. */
  kinds: ReadonlyMap<string, string>;
  /** What of a link is not modelled, so that packets end there. */
  strange: ReadonlyMap<string, string>;
  /** Namespace and index of a veth's other end, or of the link below, as far as the listing says. */
  others: ReadonlyMap<string, { netns?: string; index: number }>;
  problems: Problem[];
}

/**
 * Which link is the other end of which is not said across namespaces; within one, veth pairs are joined when `netns` names the namespace.
 */
export function readIpAddr(text: string, options: ReadOptions & { netns?: string } = {}): ReadLinks {
  const problems: Problem[] = [];
  const links: Link[] = [];
  const addresses: Address[] = [];
  const kinds = new Map<string, string>();
  const others = new Map<string, { netns?: string; index: number }>();
  const strange = new Map<string, string>();
  const blocks = looksLikeJsonList(text)
    ? readRecords<Found>(text, readHeader, 'ip-addr', problems, options)
    : blocksOf(text, problems, options);
  for (const { record, line } of blocks) {
    const complain = (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      problems.push(complaint('ip-addr', `${record.ifname}: ${why}`, line, options));
    };
    if (typeof record.ifname !== 'string') {
      complain('no name');
      continue;
    }
    if (record.group !== undefined && !isKnownGroup(record.group))
      complain(`nobody says which group is ${record.group}`);
    const kind = record.linkinfo?.info_kind;
    if (kind !== undefined) kinds.set(record.ifname, kind);
    const odd = stackedRecord(record)?.strange;
    if (odd !== undefined) strange.set(record.ifname, odd);
    if (record.link_index !== undefined) {
      const { link_netns: netns, link_index: index } = record;
      others.set(record.ifname, { index, ...(netns !== undefined && { netns }) });
    }
    // Lines of `ip -o addr` say nothing of the link itself.
    if (record.flags !== undefined) {
      try {
        links.push(toLink(record, options.netns));
      } catch (error) {
        complain(error);
      }
    }
    for (const address of Array.isArray(record.addr_info) ? record.addr_info : []) {
      try {
        addresses.push(toAddress(record.ifname, address));
      } catch (error) {
        complain(error);
      }
    }
  }
  return { links, addresses, kinds, strange, others, problems: byLine(problems) };
}
