/** Extensions of iptables by their text, as a dump has them: what the machine evaluates, and what it asks about. */
import { type Action, type Family, Hook, type Match } from '@podwire/engine';
import { parseIptablesRule, splitShellWords } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import type { Backend } from '../lab/terms.ts';
import { MARKS } from './values.ts';

export interface ExtensionPlace {
  r: Random;
  family: Family;
  table: string;
  /** Hooks from which the chain is reached. */
  hooks: readonly Hook[];
  /** Tests of connections are not drawn here. */
  zones: boolean;
  backend?: Backend;
}

/** Where the kernel takes it: xt_check_match(), xt_check_target(). */
interface Wanted {
  family?: Family;
  tables?: readonly string[];
  hooks?: readonly Hook[];
  /** It asks for the packet's connection. */
  tracks?: boolean;
  /** Drawn for the older back-end alone. */
  legacy?: boolean;
}

type Drawn = readonly [texts: (place: ExtensionPlace) => string, wanted?: Wanted];

const OUTGOING = [Hook.OUTPUT, Hook.POSTROUTING];
const INCOMING = [Hook.PREROUTING, Hook.INPUT];

const bang = (r: Random): string => (r.chance(0.25) ? '! ' : '');
const some = (r: Random, ...words: readonly string[]): string =>
  words
    .filter(() => r.chance(0.35))
    .map((word) => ` ${word}`)
    .join('');

const MATCHES: readonly Drawn[] = [
  [({ r }) => `-m dscp ${bang(r)}--dscp ${r.pick([0, 2, 4, 46])}`],
  [({ r }) => `-m ecn ${bang(r)}--ecn-ip-ect ${r.pick([0, 2])}`],
  [({ r }) => `-p tcp -m ecn ${bang(r)}--ecn-tcp-${r.pick(['ece', 'cwr'])}`],
  [({ r }) => `-m pkttype ${bang(r)}--pkt-type ${r.pick(['unicast', 'multicast', 'broadcast'])}`],
  [
    ({ r }) => `-m rpfilter${some(r, '--loose', '--validmark', '--accept-local', '--invert')}`,
    { tables: ['raw', 'mangle'], hooks: [Hook.PREROUTING] },
  ],
  [({ r }) => `-m owner ${bang(r)}--uid-owner ${r.pick(['0', '0-99', '1000'])}`, { hooks: OUTGOING }],
  [({ r }) => `-m owner ${bang(r)}--gid-owner ${r.pick(['0', '7'])}${some(r, '--suppl-groups')}`, { hooks: OUTGOING }],
  [({ r }) => `-m owner ${bang(r)}--socket-exists`, { hooks: OUTGOING }],
  [({ r }) => `-m socket${some(r, '--nowildcard')}`, { hooks: INCOMING }],
  [
    ({ r }) =>
      `-m cluster --cluster-total-nodes 3 ${bang(r)}--cluster-local-nodemask ${r.pick([1, 2, 5])} --cluster-hash-seed 0xdeadbeef`,
    { tracks: true, tables: ['mangle', 'filter', 'nat', 'security'] },
  ],
  [() => '-m connbytes --connbytes 1:3 --connbytes-dir both --connbytes-mode packets', { tracks: true }],
  [({ r }) => `-m connlabel ${bang(r)}--label 5`, { tracks: true }],
  [() => '-m helper --helper ftp', { tracks: true }],
  [({ r }) => `-p tcp -m tcpmss ${bang(r)}--mss 500:1460`],
  [({ r }) => `-p tcp -m tcp ${bang(r)}--tcp-option ${r.pick([2, 8])}`],
  [() => '-p tcp -m tcp --tcp-flags ALL SYN,ACK -m ttl --ttl-gt 60', { family: 4 }],
  [({ r }) => `-m u32 --u32 "6&0xFF=${r.pick(['6', '17', '1,17'])}"`, { family: 4 }],
  [({ r }) => `-m u32 --u32 "5&0xFF=${r.pick(['64', '0x20:0x3f'])}"`, { family: 4 }],
  [({ r }) => `-m u32 --u32 "6&0xFF=6&&0>>22&0x3C@12>>16&0xFF=${r.pick(['2', '16:18', '4'])}"`, { family: 4 }],
  [({ r }) => `-m u32 --u32 "6&0xFF=17&&0>>22&0x3C@0&0xFFFF=${r.pick(['53', '8080', '0:1023'])}"`, { family: 4 }],
  [({ r }) => `-m u32 --u32 "0&0xFFFF=${r.pick(['0:99', '100:1500'])}"`, { family: 4 }],
  [() => '-m u32 --u32 "4>>16=1"', { family: 4 }],
  [({ r }) => `-m rt${some(r, '--rt-type 0')}`, { family: 6 }],
  [({ r }) => `-m frag${some(r, '--fragfirst')}`, { family: 6 }],
  [() => '-m hbh', { family: 6 }],
  [() => '-m dst', { family: 6 }],
  [({ r }) => `-m ipv6header --header ${r.pick(['protocol', 'esp', 'ipv6-frag'])}${some(r, '--soft')}`, { family: 6 }],
  [({ r }) => `-m hl --hl-${r.pick(['eq', 'lt', 'gt'])} 63`, { family: 6 }],
  [({ r }) => `-m policy --dir in --pol ${r.pick(['none', 'ipsec'])}`, { hooks: [...INCOMING, Hook.FORWARD] }],
  [() => '-m string --algo bm --string abc'],
  [() => '-m time --timestart 01:00:00 --timestop 13:00:00'],
  [() => '-m quota --quota 100'],
  [() => '-m limit --limit 1/sec --limit-burst 2'],
  [() => '-m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name few'],
  [
    ({ r, family }) =>
      `-m connlimit --connlimit-${r.pick(['upto', 'above'])} 1 --connlimit-mask ${family === 4 ? 32 : 128} --connlimit-saddr`,
    { tracks: true },
  ],
  [({ r }) => `-m cpu --cpu ${r.pick([0, 1])}`],
  [({ r }) => `-m cgroup ${bang(r)}--cgroup 1`, { hooks: OUTGOING }],
  [({ r }) => `-m devgroup ${bang(r)}--src-group 0`, { hooks: INCOMING }],
  [({ r }) => `-m realm ${bang(r)}--realm 0`, { family: 4, hooks: [Hook.INPUT, Hook.FORWARD, ...OUTGOING] }],
  [({ r }) => `-m bpf --bytecode "1,6 0 0 ${r.pick([0, 65535])}"`],
  [() => '-m comment --comment "one two"'],
  [() => '-m conntrack --ctexpire 1:1000', { tracks: true }],
  [() => '-p esp -m esp --espspi 1:100'],
  [({ r }) => `-p ah -m ah${some(r, '--ahspi 1:100')}`],
  [() => '-p ipcomp -m ipcomp --ipcompspi 1:100'],
  [({ r }) => `-p ipv6-mh -m mh${some(r, '--mh-type binding-update')}`, { family: 6 }],
  [() => '-m eui64', { family: 6, hooks: [...INCOMING, Hook.FORWARD] }],
  [({ r }) => `-m srh${some(r, '--srh-next-hdr 6')}`, { family: 6 }],
  [() => '-p 33 -m dccp --dport 80', { family: 4 }],
];

const TARGETS: readonly Drawn[] = [
  [({ r }) => `-j TTL --ttl-${r.pick(['set 7', 'dec 1', 'inc 250', 'inc 1'])}`, { family: 4, tables: ['mangle'] }],
  [({ r }) => `-j HL --hl-${r.pick(['set 7', 'dec 1', 'inc 250', 'inc 1'])}`, { family: 6, tables: ['mangle'] }],
  [({ r }) => `-j DSCP --set-dscp ${r.pick([0, 4, 46])}`, { tables: ['mangle'] }],
  [({ r }) => `-j TOS --set-tos ${r.pick(['0x10/0x3f', '0x8/0xff', '0/0', '0x10/0x10'])}`, { tables: ['mangle'] }],
  [({ r }) => `-j ECN --ecn-ip-ect ${r.pick([0, 1, 2])}`, { family: 4, tables: ['mangle'] }],
  [
    ({ r }) => `-p tcp -j ECN ${r.pick(['--ecn-tcp-remove', '--ecn-tcp-ece 1', '--ecn-tcp-cwr 1'])}`,
    { family: 4, tables: ['mangle'] },
  ],
  [() => '-p tcp -j TCPOPTSTRIP --strip-options timestamp', { tables: ['mangle'] }],
  [() => '-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200'],
  [() => '-p udp -j CHECKSUM --checksum-fill', { tables: ['mangle'] }],
  [() => '-j CLASSIFY --set-class 0001:0002', { hooks: [Hook.FORWARD, ...OUTGOING] }],
  [() => '-j AUDIT --type accept'],
  [() => '-j LOG --log-prefix "seen "'],
  // The trace of nf_tables has no words for it.
  [({ r }) => `-j NFQUEUE --queue-num 9${some(r, '--queue-bypass')}`, { legacy: true, tables: ['mangle', 'filter'] }],
  [({ r }) => `-j MARK --xor-mark ${r.pick(MARKS)}`],
  [
    ({ r }) =>
      `-j CONNMARK ${r.pick(['--set-xmark 0x4000/0xff', '--save-mark', '--restore-mark'])} --${r.pick(['left', 'right'])}-shift-mark ${r.between(1, 12)}`,
    { tracks: true },
  ],
];

/** One network for another, of the size of those that hosts have. */
const NETWORKS: Record<Family, readonly string[]> = {
  4: ['10.1.0.0/24', '10.2.0.0/16', '10.1.0.1/32', '10.0.0.3/255.0.0.255'],
  6: ['fd00:1::/64', 'fd00:2::/32', 'fd00:1::1/128'],
};

function fits({ family, table, hooks, zones, backend }: ExtensionPlace, wanted: Wanted = {}): boolean {
  return (
    (wanted.family ?? family) === family &&
    (wanted.tables ?? [table]).includes(table) &&
    hooks.every((hook) => (wanted.hooks ?? hooks).includes(hook)) &&
    !(wanted.tracks && zones) &&
    (!wanted.legacy || backend === 'legacy')
  );
}

function read(place: ExtensionPlace, text: string): (Match | Action)[] {
  const { table, family } = place;
  const chain = place.hooks.length === 1 ? Hook[place.hooks[0] as Hook] : undefined;
  const parsed = parseIptablesRule(splitShellWords(text) ?? [], family === 4 ? 'ip' : 'ip6', {
    table,
    ...(chain !== undefined && { chain }),
  });
  if ('error' in parsed) throw new Error(`${text}: ${parsed.error}`);
  return parsed.rule.body;
}

function draw(place: ExtensionPlace, list: readonly Drawn[]): (Match | Action)[] {
  const [make] = place.r.pick(list.filter(([, wanted]) => fits(place, wanted)));
  return read(place, make(place));
}

export const randomExtension = (place: ExtensionPlace): Match[] => draw(place, MATCHES) as Match[];

/** A target, with the protocol that it wants said. */
export const randomTarget = (place: ExtensionPlace): (Match | Action)[] => draw(place, TARGETS);

export const randomNetmap = (place: ExtensionPlace): Action =>
  read(place, `-j NETMAP --to ${place.r.pick(NETWORKS[place.family])}`)[0] as Action;
