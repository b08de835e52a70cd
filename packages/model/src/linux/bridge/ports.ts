/** `bridge link`, `bridge vlan`, `brctl show`: ports and what is set on them (iproute2's bridge/link.c, vlan.c; bridge-utils). */
import type { Link } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { looksLikeJsonList } from '../json-list.ts';
import { eachLine, type Line, type LineOptions, linesOf, wholeNumber, wordsOf } from '../lines.ts';
import { recordsOf } from './records.ts';

/** What a listing says of one port. */
export interface BridgePort extends Pick<Link, 'name' | 'hairpin' | 'isolated'> {
  master: string;
  /** `forwarding`, `blocking`, `disabled` ...; a port that does not forward is as good as down. */
  state?: string;
}

export interface ReadPorts {
  ports: BridgePort[];
  problems: Problem[];
}

const STATES = new Set(['disabled', 'listening', 'learning', 'forwarding', 'blocking']);

/** `4: v0@v1: <UP> mtu 1500 master br0 state forwarding priority 32 cost 2`. */
function readHeader(line: string): BridgePort | undefined {
  const m = /^\d+: ([^@:\s]+)(?:@\S+)?: (?:<[^>]*> )?(.*)$/.exec(line);
  if (!m) throw new RangeError('no interface');
  const words = wordsOf(m[2] ?? '');
  const value = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
  const master = value('master');
  // Devices that bridge by themselves are listed without a master.
  if (master === undefined) return undefined;
  const state = value('state')?.toLowerCase();
  return { name: m[1] as string, master, ...(state !== undefined && STATES.has(state) && { state }) };
}

interface LinkRecord {
  ifname?: unknown;
  master?: unknown;
  state?: unknown;
  hairpin?: unknown;
  isolated?: unknown;
}

/** With `-d`, settings stand on a line of their own. */
export function readBridgeLink(text: string, options: LineOptions = {}): ReadPorts {
  const problems: Problem[] = [];
  const ports: BridgePort[] = [];
  for (const { ifname, master, state, hairpin, isolated } of recordsOf<LinkRecord>(
    text,
    'bridge-link',
    problems,
    options,
  ) ?? []) {
    if (typeof ifname !== 'string' || typeof master !== 'string') continue;
    ports.push({
      name: ifname,
      master,
      ...(typeof state === 'string' && { state }),
      ...(hairpin === true && { hairpin }),
      ...(isolated === true && { isolated }),
    });
  }
  if (looksLikeJsonList(text)) return { ports, problems };
  let port: BridgePort | undefined;
  eachLine(linesOf(text, options), 'bridge-link', problems, options, ({ text: line }) => {
    if (/^\S/.test(line)) {
      port = undefined;
      port = readHeader(line);
      if (port) ports.push(port);
      return;
    }
    if (/\bhairpin on\b/.test(line) && port) port.hairpin = true;
    if (/\bisolated on\b/.test(line) && port) port.isolated = true;
    if (!/^\s+(hairpin|state|mcast_|hwmode|guard|neigh_|master|learning|backup_port)/.test(line))
      throw new RangeError('no setting');
  });
  return { ports, problems };
}

/** `bridge -d link`, with the settings that decide where a frame goes. */
export function printBridgeLink(ports: readonly BridgePort[], indexOf: (name: string) => number): string {
  return ports
    .map(({ name, master, state = 'forwarding', hairpin, isolated }) => {
      const onOff = (value: boolean | undefined) => (value ? 'on' : 'off');
      return (
        `${indexOf(name)}: ${name}: <> mtu 1500 master ${master} state ${state} priority 32 cost 2 \n` +
        `    hairpin ${onOff(hairpin)} isolated ${onOff(isolated)} \n`
      );
    })
    .join('');
}

/** Members of bridges as `brctl show` lists them. */
export function readBrctl(text: string, options: LineOptions = {}): ReadPorts & { bridges: string[] } {
  const problems: Problem[] = [];
  const ports: BridgePort[] = [];
  const bridges: string[] = [];
  let master = '';
  eachLine(linesOf(text, options), 'brctl', problems, options, ({ text: line }) => {
    if (/^bridge name\s/.test(line)) return;
    const bridge = /^(\S+)\s+[0-9a-f]{4}\.[0-9a-f]{12}\s+(?:yes|no)(?:\s+(\S+))?$/.exec(line);
    if (/^\S/.test(line)) master = '';
    if (bridge) {
      master = bridge[1] as string;
      bridges.push(master);
    }
    const port = bridge ? bridge[2] : /^\s+(\S+)$/.exec(line)?.[1];
    if (!bridge && (port === undefined || master === '')) throw new RangeError('neither bridge nor port');
    if (port !== undefined) ports.push({ name: port, master });
  });
  return { bridges, ports, problems };
}

export function printBrctl(bridges: readonly { name: string; mac?: string; ports: readonly string[] }[]): string {
  const rows = bridges.map(({ name, mac = '00:00:00:00:00:00', ports }) => {
    const [first = '', ...rest] = ports;
    return `${name}\t\t8000.${mac.replaceAll(':', '')}\tno\t\t${first}\n${rest.map((port) => `\t\t\t\t\t\t\t${port}\n`).join('')}`;
  });
  return `bridge name\tbridge id\t\tSTP enabled\tinterfaces\n${rows.join('')}`;
}

export interface PortVlan {
  link: string;
  vid: number;
  /** Last of a range. */
  end?: number;
  pvid?: boolean;
  untagged?: boolean;
}

interface VlanRecord {
  ifname?: unknown;
  vlans?: { vlan?: unknown; vlanEnd?: unknown; flags?: unknown }[];
}

function rangeOf(text: string): { vid: number; end?: number } {
  const [from, to] = text.split('-');
  const vid = wholeNumber(from, 'VLAN', 4095);
  return { vid, ...(to !== undefined && { end: wholeNumber(to, 'VLAN', 4095) }) };
}

/** `bridge vlan show`. */
export function readBridgeVlan(text: string, options: LineOptions = {}): { vlans: PortVlan[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const vlans: PortVlan[] = [];
  const records = recordsOf<VlanRecord>(text, 'bridge-vlan', problems, options);
  for (const { ifname, vlans: own } of records ?? []) {
    for (const { vlan, vlanEnd, flags } of Array.isArray(own) ? own : []) {
      if (typeof ifname !== 'string' || typeof vlan !== 'number') continue;
      const words = Array.isArray(flags) ? flags : [];
      vlans.push({
        link: ifname,
        vid: vlan,
        ...(typeof vlanEnd === 'number' && { end: vlanEnd }),
        ...(words.includes('PVID') && { pvid: true }),
        ...(words.includes('Egress Untagged') && { untagged: true }),
      });
    }
  }
  if (records) return { vlans, problems };
  let link = '';
  eachLine(linesOf(text, options), 'bridge-vlan', problems, options, ({ text: line }: Line) => {
    if (/^port\s+vlan/.test(line)) return;
    const m = /^(\S+)?\s+(\d+(?:-\d+)?)((?: PVID| Egress Untagged| untagged)*)$/.exec(line);
    if (!m) {
      // Old versions print a port without VLANs as `None`.
      if (/^\S+\s+None$/.test(line)) return;
      throw new RangeError('no VLAN of a port');
    }
    if (m[1] !== undefined) link = m[1];
    if (link === '') throw new RangeError('no port');
    const flags = m[3] ?? '';
    vlans.push({
      link,
      ...rangeOf(m[2] as string),
      ...(flags.includes('PVID') && { pvid: true }),
      ...(/untagged/i.test(flags) && { untagged: true }),
    });
  });
  return { vlans, problems };
}

export function printBridgeVlan(vlans: readonly PortVlan[]): string {
  let before = '';
  const lines = vlans.map(({ link, vid, end, pvid, untagged }) => {
    const name = link === before ? '' : link;
    before = link;
    const range = end === undefined ? String(vid) : `${vid}-${end}`;
    return `${name.padEnd(17)} ${range}${pvid ? ' PVID' : ''}${untagged ? ' Egress Untagged' : ''}\n`;
  });
  return `port              vlan-id  \n${lines.join('')}`;
}
