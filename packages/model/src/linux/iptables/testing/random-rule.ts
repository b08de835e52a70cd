/** Random rules, made of the extensions' own tables: any of their options with any of some values. Most of them are refused. */
import type { Demands, IpFamily, OptionSpec, RulePlace } from '../base/extension.ts';
import { builtinTables } from '../tables.ts';

/** Numerical Recipes' linear congruential generator: the same rules for the same seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }
}

const NUMBERS = [
  '0',
  '1',
  '2',
  '7',
  '32',
  '42',
  '64',
  '255',
  '256',
  '1000',
  '65535',
  '65536',
  '4294967295',
  '-1',
  '0x1f',
  '010',
];
const RANGES = [':', ':3', '3:', '3:4', '4:3', '4:4', '1-2', '1000-2000', '10-20/5', '1:2:3'];
const LISTS = [
  '1,2,3',
  '53,1024:65535',
  '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0',
  '149:92,12',
  'a,b',
  'src,dst',
  'src',
  'dst,dst',
];
const MARKS = ['0x1/0xff', '1/2', '0/0', '0xfeedcafe/0xfeedcafe', '0x10:0x20', '1:10', '0000:ffff'];
const TEXTS = [
  '',
  'foo',
  'a b',
  'a"b',
  "it's",
  '\\',
  'ä',
  'x'.repeat(70),
  '|0a0b|',
  'a|41 42|c',
  '/',
  '-x',
  'eth0',
  'lo',
  '+',
  'ppp+',
];
const NAMES = [
  'tcp',
  'udp',
  'esp',
  'ah',
  'any',
  'root',
  'http',
  'ftp-data',
  'mark',
  'new',
  'destroy,new',
  'in',
  'out',
  'ipsec',
  'none',
];
const WORDS = [
  'random',
  'nth',
  'original',
  'reply',
  'both',
  'packets',
  'bytes',
  'avgpkt',
  'ORIGINAL',
  'REPLY',
  'GATE',
  'MASQ',
  'bm',
  'kmp',
  'tunnel',
  'transport',
  'accept',
  'drop',
  'unicast',
  'bcast',
  'linux',
  'sourceip',
  'NEW,ESTABLISHED',
  'INVALID',
  'ASSURED',
  'LOCAL',
  'UNICAST,LOCAL',
  'BROADCAST',
  'SYN,ACK',
  'SYN',
  'NONE',
  'ALL',
  'all',
  'DATA',
  'DATA:Be,INIT',
  'REQUEST,DATA',
  'srcip,dstip',
  'dstport',
  'src,dport',
  'ct',
  'Minimize-Delay',
  'EF',
  'af11',
  'CS1',
  'hop-by-hop',
  'frag,esp',
  'Mon,Tue',
  '6',
  'echo-request',
  'redirect',
  '3/1',
  'port-unreach',
  'icmp-host-p',
  'no-route',
  'tcp-reset',
  'warning',
  'info',
  'inf',
  '01:00:5E:00:00:01',
  'wscale,mss',
];
const MEASURES = [
  '5/min',
  '1/sec',
  '3/hour',
  '1000/day',
  '4kb/s',
  '10mb/s',
  '400kb',
  '8bit',
  '5kbit',
  '250.0ms',
  '500ms',
  '2s',
  '0.5',
  '0.25',
];
const DATES = ['2001-02-03T04:05:06', '2012', '01:02:03', '23:59', '04:05', '1970-01-02'];
const TESTS = ['0x0=0x0&&0x0=0x1', '6&0xFF=1', '0>>22&0x3C@4=0x29:0x30,5', '12='];
const HOSTS: Readonly<Record<IpFamily, readonly string[]>> = {
  ip: [
    '1.2.3.4',
    '10.0.0.0/8',
    '10.1.2.3/255.0.12.0',
    '1.1.1.1-1.1.1.10',
    '1.2.3.4:80',
    '1.1.1.1-1.1.1.3:5-7',
    '0.0.0.0/0',
  ],
  ip6: ['dead::beef', 'dead::/64', '1c3::/64', 'dead::1-dead::9', '[dead::beef]:80', '[dead::1-dead::2]:5-7', '::/0'],
};
const MACS = ['11:22:33:44:55:66', 'a:b:c:d:e:f', '00:00:00:00:00:00', 'de:ad:be:ef:00:00/ff:ff:ff:ff:00:00', '1:2:3'];

/** Of options that take two words. */
const SECOND = ['src', 'src,dst', 'SYN', 'SYN,ACK', 'NONE', 'DATA', 'ALL'];

/** What an option may be given: of any kind, of which the fitting ones are found by trying. */
function randomValue(dice: Dice, family: IpFamily): string {
  const kinds = [
    NUMBERS,
    NUMBERS,
    RANGES,
    LISTS,
    MARKS,
    TEXTS,
    NAMES,
    WORDS,
    WORDS,
    WORDS,
    MEASURES,
    DATES,
    TESTS,
    HOSTS[family],
    HOSTS[family],
    MACS,
  ];
  return dice.of(dice.of(kinds));
}

/** Options whose few good values are hard to find by chance. */
const FITTING: Readonly<Record<string, readonly string[]>> = {
  mode: ['random', 'nth', 'tunnel', 'transport'],
  probability: ['0.5', '0.25', '1'],
  every: ['2', '7', '42'],
  packet: ['0', '1'],
  dir: ['in', 'out'],
  'src-type': ['LOCAL', 'UNICAST,LOCAL', 'MULTICAST'],
  'dst-type': ['LOCAL', 'UNICAST,LOCAL', 'ANYCAST'],
  'icmp-type': ['echo-request', '3/1', 'any', '8'],
  'icmpv6-type': ['echo-request', '1/3', '128'],
  'ecn-ip-ect': ['0', '2'],
  'ecn-tcp-cwr': ['0', '1'],
  pol: ['ipsec', 'none'],
  proto: ['esp', 'ah', 'ipcomp', '50'],
  'match-set': ['foo'],
  algo: ['bm', 'kmp'],
  u32: TESTS,
  bytecode: ['4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0'],
  'cluster-total-nodes': ['7', '32'],
  'cluster-local-node': ['1', '2', '32'],
  'src-pfx': ['dead::/64', '1c3::/64'],
  'dst-pfx': ['dead::/64', '1c3::/64'],
  'set-class': ['1:10', '0000:ffff'],
  'rateest-interval': ['250.0ms', '500ms', '2s'],
  'rateest-ewmalog': ['500ms', '2s', '5s'],
  'connbytes-mode': ['packets', 'bytes', 'avgpkt'],
  'mangle-ip-s': ['1.2.3.4', '10.0.0.1'],
  'mangle-ip-d': ['1.2.3.4', '10.0.0.1'],
  'mangle-mac-s': ['11:22:33:44:55:66', 'a:b:c:d:e:f'],
  'mangle-mac-d': ['11:22:33:44:55:66', 'a:b:c:d:e:f'],
  'mangle-target': ['DROP', 'ACCEPT', 'CONTINUE'],
  'connbytes-dir': ['original', 'reply', 'both'],
};

function randomOption(dice: Dice, spec: OptionSpec, family: IpFamily): string[] {
  const count = spec.values === 'optional' ? dice.below(2) : spec.values;
  const fitting = FITTING[spec.name];
  const value = (index: number) =>
    index === 0 && fitting && !dice.once(4)
      ? dice.of(fitting)
      : index === 1 && !dice.once(4)
        ? dice.of(SECOND)
        : randomValue(dice, family);
  const values = Array.from({ length: count }, (_, index) => value(index));
  return [...(spec.negatable && dice.once(4) ? ['!'] : []), `--${spec.name}`, ...values];
}

/** What the options were given, by name, in any order. */
export type Chosen = Map<string, string[]>;

export function randomOptions(dice: Dice, options: readonly OptionSpec[], family: IpFamily): Chosen {
  const left = [...options];
  const count = Math.min(left.length, dice.below(Math.min(left.length, 4) + 1) + dice.below(2));
  const chosen = Array.from({ length: count }, () => left.splice(dice.below(left.length), 1)[0] as OptionSpec);
  return new Map(chosen.map((spec) => [spec.name, randomOption(dice, spec, family)]));
}

/** After a refusal: gives the option that it names, or any, another value, adds it, or leaves it out. */
export function mend(
  dice: Dice,
  chosen: Chosen,
  error: string,
  options: readonly OptionSpec[],
  family: IpFamily,
): void {
  if (options.length === 0) return;
  const named = [...error.matchAll(/--([\w-]+)/g)].map((m) => m[1]);
  const known = options.filter((spec) => named.includes(spec.name));
  const given = options.filter((spec) => chosen.has(spec.name));
  const spec = dice.of(known.length > 0 ? known : given.length > 0 && !dice.once(4) ? given : options);
  if (chosen.has(spec.name) && /cannot be used together/.test(error)) chosen.delete(spec.name);
  else chosen.set(spec.name, randomOption(dice, spec, family));
}

const PROTOCOLS = ['6', '17', '1', '58', '132', '33', '50', '51', '108', '135', '136', '47'];
const CHAINS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

/** A table and chain that the extension can be used from, most of the time. */
export function randomPlace(dice: Dice, { tables, chains }: Demands): RulePlace {
  const any = dice.once(8);
  return {
    table: dice.of(any ? builtinTables() : (tables ?? ['mangle'])),
    chain: dice.of(any ? CHAINS : (chains ?? CHAINS)),
    backend: dice.of(['nft', 'legacy'] as const),
  };
}

/** `-p`, as the extension wants it, most of the time. */
export function randomProtocol(dice: Dice, { protocols }: Demands): string[] {
  const wanted = protocols?.map(String) ?? PROTOCOLS;
  const protocol = dice.of(dice.once(8) ? PROTOCOLS : wanted);
  if (!protocols && dice.once(2)) return [];
  return [...(dice.once(12) ? ['!'] : []), '-p', protocol];
}

const INTERFACES = ['eth0', 'eth+', '+', 'lo'];

/** Tests that need no extension. */
export function randomHeader(dice: Dice, family: IpFamily): string[] {
  const words: string[] = [];
  const not = () => (dice.once(3) ? ['!'] : []);
  if (dice.once(3)) words.push(...not(), '-s', dice.of(HOSTS[family]));
  if (dice.once(3)) words.push(...not(), '-d', dice.of(HOSTS[family]));
  if (dice.once(4)) words.push(...not(), '-i', dice.of(INTERFACES));
  if (dice.once(4)) words.push(...not(), '-o', dice.of(INTERFACES));
  if (family === 'ip' && dice.once(8)) words.push(...not(), '-f');
  return words;
}
