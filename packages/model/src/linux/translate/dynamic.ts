/** Extensions that keep a table of their own in the kernel, as dynamic sets of nftables. */
import { firstOf, type Header, hex, NotTranslated, numbersOf, optionsOf, type TextOption } from './part.ts';

/** A set that a rule needs; `{}` in the rule's text stands for its name. */
interface NeededSet {
  /** The name, but for a number that tells it from others. */
  base: string;
  /** What stands in its block. */
  text: string;
}

export interface DynamicTests {
  tests: string[];
  set?: NeededSet;
}

const has = (options: readonly TextOption[], name: string): boolean => options.some((o) => o.name === name);

function only(extension: string, options: readonly TextOption[], ...names: string[]): void {
  const strange = options.find((o) => !names.includes(o.name));
  if (strange) throw new NotTranslated(`-m ${extension} --${strange.name}`);
}

const LENGTHS = { ip: 32, ip6: 128 };

/** A netmask as an address. */
function maskText(length: number, header: Header): string {
  const bits = (1n << BigInt(LENGTHS[header])) - (1n << BigInt(LENGTHS[header] - length));
  const step = header === 'ip' ? 8n : 16n;
  const parts: string[] = [];
  for (let at = BigInt(LENGTHS[header]) - step; at >= 0n; at -= step)
    parts.push(((bits >> at) & ((1n << step) - 1n)).toString(header === 'ip' ? 10 : 16));
  return parts.join(header === 'ip' ? '.' : ':');
}

/** An address, as far as the prefix goes. */
function network(side: 'saddr' | 'daddr', text: string | undefined, header: Header): string {
  const length = text === undefined ? LENGTHS[header] : Number(text);
  const field = `${header} ${side}`;
  return length === LENGTHS[header] ? field : `${field} & ${maskText(length, header)}`;
}

/** xt_connlimit.c: connections of one address or network; of all there are with a mask of no bits. */
function connlimit(options: readonly TextOption[], header: Header): DynamicTests {
  const above = firstOf(options, 'connlimit-above');
  const count = above === undefined ? firstOf(options, 'connlimit-upto') : `over ${above}`;
  const mask = firstOf(options, 'connlimit-mask');
  if (mask === '0') return { tests: [`ct count ${count}`] };
  const key = network(has(options, 'connlimit-daddr') ? 'daddr' : 'saddr', mask, header);
  return {
    tests: [`add @{} { ${key} ct count ${count} }`],
    set: { base: 'connlimit', text: `type ${header === 'ip' ? 'ipv4_addr' : 'ipv6_addr'}; flags dynamic;` },
  };
}

const UNITS: Readonly<Record<string, readonly [name: string, seconds: number]>> = {
  sec: ['second', 1],
  min: ['minute', 60],
  hour: ['hour', 3600],
  day: ['day', 86_400],
};
const BYTES: Readonly<Record<string, string>> = { '': 'bytes', k: 'kbytes', m: 'mbytes' };
/** extensions/libxt_hashlimit.c: XT_HASHLIMIT_BYTE_EXPIRE and its like with a burst, seconds. */
const BYTES_EXPIRE = 15;
const BYTES_EXPIRE_BURST = 60;

const bytesText = (text: string): string | undefined => {
  const [, count, unit] = /^(\d+)([km]?)b$/.exec(text) ?? [];
  return count === undefined ? undefined : `${count} ${BYTES[unit ?? '']}`;
};

const MODES: Readonly<Record<string, (options: readonly TextOption[], header: Header, transport: string) => string>> = {
  dstip: (options, header) => network('daddr', firstOf(options, 'hashlimit-dstmask'), header),
  srcip: (options, header) => network('saddr', firstOf(options, 'hashlimit-srcmask'), header),
  srcport: (_options, _header, transport) => `${transport} sport`,
  dstport: (_options, _header, transport) => `${transport} dport`,
};

interface Rate {
  text: string;
  /** Seconds after which an idle entry is forgotten where the rule does not say. */
  expires: number;
}

function rateOf(over: string, rate: string, burst: string | undefined): Rate {
  const bytes = /^(.*)\/s$/.exec(rate)?.[1];
  if (bytes !== undefined) {
    const text = `limit rate ${over}${bytesText(bytes)}/second`;
    if (burst === undefined) return { text, expires: BYTES_EXPIRE };
    return { text: `${text} burst ${bytesText(burst)}`, expires: BYTES_EXPIRE_BURST };
  }
  const [count = '', unit = 'sec'] = rate.split('/');
  const [name, seconds] = UNITS[unit] ?? [unit, 1];
  return { text: `limit rate ${over}${count}/${name} burst ${burst ?? '5'} packets`, expires: seconds };
}

/** xt_hashlimit.c: a bucket for each key. How large the hash table is and how often it is swept decides nothing. */
function hashlimit(options: readonly TextOption[], header: Header, transport: string | undefined): DynamicTests {
  const sizes = ['hashlimit-htable-size', 'hashlimit-htable-gcinterval', 'hashlimit-htable-max'];
  const known = ['upto', 'above', 'burst', 'mode', 'name', 'srcmask', 'dstmask', 'htable-expire'];
  only('hashlimit', options, ...known.map((name) => `hashlimit-${name}`), ...sizes);
  const above = firstOf(options, 'hashlimit-above');
  const rate = above ?? firstOf(options, 'hashlimit-upto') ?? '';
  const { text, expires } = rateOf(above === undefined ? '' : 'over ', rate, firstOf(options, 'hashlimit-burst'));
  const modes = firstOf(options, 'hashlimit-mode');
  if (modes === undefined) return { tests: [text] };
  const expire = firstOf(options, 'hashlimit-htable-expire');
  const seconds = expire === undefined ? expires : Math.ceil(Number(expire) / 1000);
  const asked = modes.split(',');
  if (transport === undefined && asked.some((mode) => mode.endsWith('port')))
    throw new NotTranslated(
      `-m hashlimit --hashlimit-mode ${modes}`,
      'the ports of any protocol have no name in nftables',
    );
  const key = Object.keys(MODES).flatMap((mode) =>
    asked.includes(mode) ? (MODES[mode]?.(options, header, transport ?? '') ?? []) : [],
  );
  const max = firstOf(options, 'hashlimit-htable-max');
  const size = max === undefined ? '' : ` size ${max}`;
  const name = firstOf(options, 'hashlimit-name') ?? '';
  if (!/^[A-Za-z][\w-]*$/.test(name)) throw new NotTranslated(`--hashlimit-name ${name}`, 'no name of nftables');
  return { tests: [`meter ${name}${size} { ${key.join(' . ')} timeout ${seconds}s ${text} }`] };
}

/** xt_cluster.c: the node, counted from 0, that the hash of the connection's first source chooses. */
function cluster(options: readonly TextOption[], header: Header): DynamicTests {
  only('cluster', options, 'cluster-local-nodemask', 'cluster-total-nodes', 'cluster-hash-seed');
  const option = options.find(({ name }) => name === 'cluster-local-nodemask');
  const [mask] = numbersOf(option?.values[0] ?? '', '/');
  const total = Number(firstOf(options, 'cluster-total-nodes'));
  const [seed] = numbersOf(firstOf(options, 'cluster-hash-seed') ?? '', '/');
  const nodes = Array.from({ length: total }, (_, node) => node).filter((node) => (mask >>> node) & 1);
  if (nodes.length === 0)
    throw new NotTranslated(`-m cluster --cluster-local-nodemask ${hex(mask)}`, 'no node of these');
  const value = nodes.length === 1 ? String(nodes[0]) : `{ ${nodes.join(', ')} }`;
  const hash = `jhash ct original ${header} saddr mod ${total} seed ${hex(seed)}`;
  return { tests: [`${hash} ${option?.not ? '!=' : '=='} ${value}`, 'meta pkttype set host'] };
}

/** `transport`: the name of the protocol that `-p` says. Undefined for an extension that is none of these. */
export function dynamicTests(text: string, header: Header, transport: string | undefined): DynamicTests | undefined {
  const { name, options } = optionsOf(text);
  if (name === 'connlimit') return connlimit(options, header);
  if (name === 'hashlimit') return hashlimit(options, header, transport);
  return name === 'cluster' ? cluster(options, header) : undefined;
}
