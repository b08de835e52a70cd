/** `ifconfig -a`, in the words of net-tools 1.60 and of 2.10 (lib/interface.c:ife_print_long). */
import { type Address, type Link, type Netns, parseAddress, type Scope } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, lookUp, wholeNumber } from '../lines.ts';
import { lengthOf, maskText } from './hex.ts';

export interface ReadIfconfig {
  links: Link[];
  addresses: Address[];
  problems: Problem[];
}

const SCOPES: Readonly<Record<string, Scope>> = { global: 'global', host: 'host', link: 'link', site: 'site' };
const COUNTERS =
  /^\s*(RX |TX |collisions:|Interrupt:|Memory:|device (interrupt|memory)|Base address|unspec |inet6? addr list|txqueuelen )/;

class IfconfigReader {
  readonly links: Link[] = [];
  readonly addresses: Address[] = [];
  #link: Link | undefined;
  /** Of an alias (`eth0:1`), whose addresses are the link's. */
  #name = '';

  read(line: string): void {
    if (/^\S/.test(line)) {
      this.#open(line);
      return;
    }
    if (this.#name === '') throw new RangeError('it belongs to no interface');
    if (COUNTERS.test(line)) return;
    if (this.#readAddress(line) || this.#readFlags(line)) return;
    const mac = /^\s*ether ([0-9a-f:]{17})/i.exec(line)?.[1];
    if (mac !== undefined) this.#setMac(mac);
    else if (!/^\s*(loop|infiniband|tunnel|sit|ipip|gre|unspec|ppp|slip|generic|vlan|none)\b/.test(line)) {
      throw new RangeError('neither address nor setting');
    }
  }

  #setMac(mac: string): void {
    if (this.#link) this.#link.mac = mac.toLowerCase();
  }

  #open(line: string): void {
    const modern = /^(\S+?): flags=\d+<([^>]*)>\s+mtu (\d+)/.exec(line);
    const old = /^(\S+)\s+Link encap:(\S+(?: \S+)?)(?:.*HWaddr ([0-9A-Fa-f:]{17}))?/.exec(line);
    const written = modern?.[1] ?? old?.[1];
    this.#name = '';
    if (written === undefined) throw new RangeError('no interface');
    const [name = ''] = written.split(':');
    this.#name = name;
    this.#link = this.links.find((link) => link.name === name);
    if (!this.#link) {
      this.#link = { name, kind: name === 'lo' ? 'loopback' : 'device', up: false };
      this.links.push(this.#link);
    }
    if (modern) this.#setFlags((modern[2] ?? '').split(','), Number(modern[3]));
    if (old?.[3] !== undefined) this.#setMac(old[3]);
  }

  #setFlags(flags: readonly string[], mtu: number): void {
    const link = this.#link;
    if (!link) return;
    link.up = flags.includes('UP');
    link.mtu = mtu;
    if (flags.includes('LOOPBACK')) link.kind = 'loopback';
    else if (link.up) link.carrier = flags.includes('RUNNING');
  }

  /** `UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1`. */
  #readFlags(line: string): boolean {
    const m = /^\s+((?:[A-Z]+ )*)\s*MTU:(\d+)\s+Metric:\d+/.exec(line);
    if (m) this.#setFlags((m[1] ?? '').trim().split(' '), wholeNumber(m[2], 'MTU'));
    return m !== null;
  }

  #readAddress(line: string): boolean {
    const four =
      /^\s+inet (?:addr:)?([\d.]+)(?:\s+(?:P-t-P:|destination )([\d.]+))?(?:\s+Bcast:([\d.]+))?(?:\s+(?:netmask |Mask:)([\d.]+))?(?:\s+broadcast ([\d.]+))?(?:\s+destination ([\d.]+))?$/.exec(
        line,
      );
    if (four) {
      const [, address = '', first, bcast, mask = '255.255.255.255', broadcast, second] = four;
      const length = lengthOf(mask);
      const peer = first ?? second;
      const brd = bcast ?? broadcast;
      if (!parseAddress(address)) throw new RangeError(`"${address}" is no address`);
      this.addresses.push({
        link: this.#name,
        address: `${address}/${length}`,
        scope: address.startsWith('127.') ? 'host' : 'global',
        ...(peer !== undefined && { peer: `${peer}/${length}` }),
        ...(brd !== undefined && brd !== '0.0.0.0' && { broadcast: brd }),
      });
      return true;
    }
    const six =
      /^\s+inet6 (?:addr: )?([0-9a-f:.]+)(?:\/(\d+))?(?:\s+prefixlen (\d+))?\s+(?:scopeid 0x[0-9a-f]+<(\w+)>|Scope:(\w+))/i.exec(
        line,
      );
    if (!six) return false;
    const [, address = '', before, after, modern, old] = six;
    const scope = lookUp(SCOPES, (modern ?? old ?? '').toLowerCase());
    if (!scope || !parseAddress(address)) throw new RangeError('no address');
    this.addresses.push({ link: this.#name, address: `${address}/${before ?? after ?? '128'}`, scope });
    return true;
  }
}

export function readIfconfig(text: string, options: LineOptions = {}): ReadIfconfig {
  const problems: Problem[] = [];
  const reader = new IfconfigReader();
  eachLine(linesOf(text, options), 'ifconfig', problems, options, (line) => reader.read(line.text));
  return { links: reader.links, addresses: reader.addresses, problems };
}

const BITS: readonly (readonly [string, number])[] = [
  ['UP', 1],
  ['BROADCAST', 2],
  ['LOOPBACK', 8],
  ['RUNNING', 64],
  ['MULTICAST', 4096],
];

function linkText(link: Link, own: readonly Address[]): string {
  const isLoopback = link.kind === 'loopback';
  const flags = BITS.filter(([name]) => {
    if (name === 'UP') return link.up !== false;
    if (name === 'RUNNING') return link.up !== false && link.carrier !== false;
    return (name === 'LOOPBACK') === isLoopback;
  });
  const sum = flags.reduce((all, [, bit]) => all | bit, 0);
  const lines = [
    `${link.name}: flags=${sum}<${flags.map(([name]) => name).join(',')}>  mtu ${link.mtu ?? (isLoopback ? 65536 : 1500)}`,
  ];
  for (const { address, broadcast, peer, scope = 'global' } of own) {
    const [text = '', length = ''] = address.split('/');
    if (text.includes(':')) {
      const code = { global: '0x0', host: '0x10', link: '0x20', site: '0x40', nowhere: '0xff' }[scope];
      lines.push(`        inet6 ${text}  prefixlen ${length}  scopeid ${code}<${scope}>`);
    } else {
      const mask = maskText(Number(peer?.split('/')[1] ?? length));
      const more = broadcast === undefined ? '' : `  broadcast ${broadcast}`;
      const remote = peer === undefined ? '' : `  destination ${peer.split('/')[0]}`;
      lines.push(`        inet ${text}  netmask ${mask}${more}${remote}`);
    }
  }
  if (isLoopback) lines.push('        loop  txqueuelen 1000  (Local Loopback)');
  else if (link.mac !== undefined) lines.push(`        ether ${link.mac}  txqueuelen 1000  (Ethernet)`);
  return `${lines.join('\n')}\n`;
}

/** `ifconfig -a` of net-tools 2.10, without counters. */
export function printIfconfig({ links, addresses }: Pick<Netns, 'links' | 'addresses'>): string {
  return links
    .map((link) =>
      linkText(
        link,
        addresses.filter((a) => a.link === link.name),
      ),
    )
    .join('\n');
}
