/** Targets of ebtables: net/bridge/netfilter/ebt_dnat.c and its siblings. Each ends in a verdict of its own. */
import { Refusal } from '../iptables/base/extension.ts';
import { printMac, readMac } from '../iptables/base/mac.ts';
import { hex, number } from '../iptables/base/numbers.ts';
import { none, type Printer, row } from '../iptables/base/table.ts';
import type { EbtContext, EbtExtension } from './extension.ts';

const VERDICTS = ['ACCEPT', 'DROP', 'CONTINUE', 'RETURN'];
const ARP = 0x0806;

/** A verdict; left out where it is `omit`. */
function verdict(omit?: string): Printer {
  return ([text = ''], { name }) => {
    if (!VERDICTS.includes(text)) throw new Refusal(`Illegal --${name} target`);
    return text === omit ? undefined : text;
  };
}

const mac: Printer = ([text = '']) => printMac(readMac(text));
const NO_MAC = '00:00:00:00:00:00';

/** In table nat from some chains, or in table broute. */
function checkHook(name: string, { place: { table, chain } }: EbtContext, chains: readonly string[]): void {
  const ok =
    table === undefined ||
    (table === 'nat' && (chain === undefined || isOwn(chain) || chains.includes(chain))) ||
    table === 'broute';
  if (!ok) throw new Refusal(`${name} target: only valid in table nat from ${chains.join('/')}, or in table broute`);
}

const isOwn = (chain: string): boolean =>
  !['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING', 'BROUTING'].includes(chain);

const setter: Printer = ([text = ''], { name }) => hex(number(name, text));
const SETTERS = ['mark-set', 'mark-or', 'mark-xor', 'mark-and'];

export const targets: readonly EbtExtension[] = [
  {
    name: 'arpreply',
    rows: [row('arpreply-mac', mac), row('arpreply-target', verdict('DROP'))],
    defaults: { 'arpreply-mac': () => NO_MAC },
    tables: ['nat'],
    chains: ['PREROUTING'],
    check(_, { ether }) {
      if (!ether || ether.not || ether.number !== ARP) {
        throw new Refusal('For ARP replying the protocol must be specified as ARP');
      }
    },
  },
  {
    name: 'dnat',
    rows: [row('to-dst', mac, { aliases: ['to-destination'] }), row('dnat-target', verdict())],
    need: [['to-dst', 'dnat-target']],
    defaults: { 'to-dst': () => NO_MAC, 'dnat-target': () => 'ACCEPT' },
    check: (_, context) => checkHook('dnat', context, ['PREROUTING', 'OUTPUT']),
  },
  {
    name: 'snat',
    rows: [row('to-src', mac, { aliases: ['to-source'] }), row('snat-arp', none), row('snat-target', verdict())],
    need: [['to-src', 'snat-arp', 'snat-target']],
    defaults: { 'to-src': () => NO_MAC, 'snat-target': () => 'ACCEPT' },
    tables: ['nat'],
    chains: ['POSTROUTING'],
  },
  {
    name: 'redirect',
    rows: [row('redirect-target', verdict('ACCEPT'))],
    check: (_, context) => checkHook('redirect', context, ['PREROUTING']),
  },
  {
    name: 'mark',
    rows: [
      ...SETTERS.map((name) => row(name, setter, name === 'mark-set' ? { aliases: ['set-mark'] } : {})),
      row('mark-target', verdict()),
    ],
    need: [SETTERS],
    exclude: [SETTERS],
    defaults: { 'mark-target': () => 'ACCEPT' },
  },
];
