/** Matches that the machine evaluates, as nftables writes them. */
import { CtState, type IptablesMatch, type PortRange, Protocol } from '@podwire/engine';
import { addressTest, interfaceTest } from './header.ts';
import { compare, type Header, hex, masked, NotTranslated, rangeText } from './part.ts';

type Of<Kind extends IptablesMatch['kind']> = Extract<IptablesMatch, { kind: Kind }>;
type PortTest = PortRange & { not?: boolean };

const ports = (protocol: string, match: { sport?: PortTest; dport?: PortTest }): string[] =>
  (['sport', 'dport'] as const).flatMap((side) => {
    const test = match[side];
    return test ? [compare(`${protocol} ${side}`, rangeText(test), test.not)] : [];
  });

function tcp(match: Of<'tcp'>): string[] {
  const { flags, option } = match;
  return [
    ...ports('tcp', match),
    ...(option ? [`tcp option ${option.number} ${option.not ? 'missing' : 'exists'}`] : []),
    ...(flags ? [`tcp flags & ${hex(flags.mask)} ${flags.not ? '!=' : '=='} ${hex(flags.set)}`] : []),
  ];
}

/** Without any test the match asks for its protocol. */
const orProtocol = (protocol: string, tests: string[]): string[] =>
  tests.length > 0 ? tests : [`meta l4proto ${protocol}`];

const ANY_TYPE = 255;

function icmp({ kind, type, code, not }: Of<'icmp' | 'icmp6'>): string[] {
  const name = kind === 'icmp' ? 'icmp' : 'icmpv6';
  if (kind === 'icmp' && type === ANY_TYPE) {
    if (not) throw new NotTranslated('-m icmp ! --icmp-type any');
    return ['ip protocol icmp'];
  }
  if (code.from === 0 && code.to === 255) return [compare(`${name} type`, String(type), not)];
  if (not) return [`${name} type . ${name} code != { ${type} . ${rangeText(code)} }`];
  return [`${name} type ${type}`, `${name} code ${rangeText(code)}`];
}

const WITH_PORTS = new Map<number, string>([
  [Protocol.TCP, 'tcp'],
  [Protocol.UDP, 'udp'],
  [Protocol.SCTP, 'sctp'],
  [33, 'dccp'],
  [136, 'udplite'],
]);

function multiport({ which, ports: list, not }: Of<'multiport'>, protocol: number | undefined): string[] {
  const name = WITH_PORTS.get(protocol ?? 0);
  if (name === undefined) throw new NotTranslated('-m multiport', 'nftables has no ports of several protocols');
  const texts = list.map(rangeText);
  if (which === 'either') {
    const pairs = texts.flatMap((text) => [`0-65535 . ${text}`, `${text} . 0-65535`]);
    return [compare(`${name} sport . ${name} dport`, `{ ${pairs.join(', ')} }`, not)];
  }
  const right = texts.length === 1 ? (texts[0] ?? '') : `{ ${texts.join(', ')} }`;
  return [compare(`${name} ${which === 'source' ? 'sport' : 'dport'}`, right, not)];
}

const STATES: readonly (readonly [number, string])[] = [
  [CtState.INVALID, 'invalid'],
  [CtState.NEW, 'new'],
  [CtState.RELATED, 'related'],
  [CtState.ESTABLISHED, 'established'],
  [CtState.UNTRACKED, 'untracked'],
];
const NATED: readonly (readonly [number, string])[] = [
  [CtState.SNAT, 'snat'],
  [CtState.DNAT, 'dnat'],
];

/** States and statuses are two keys of nftables; a rule that asks for either cannot be one rule. */
function states(bits: number, not?: boolean): string[] {
  const named = (table: readonly (readonly [number, string])[]) =>
    table.filter(([bit]) => bits & bit).map(([, n]) => n);
  const [plain, nated] = [named(STATES), named(NATED)];
  if (plain.length > 0 && nated.length > 0 && !not)
    throw new NotTranslated(
      '-m conntrack --ctstate',
      'states and SNAT or DNAT are two tests, and a rule asks for both',
    );
  const one = (key: string, names: string[]) =>
    names.length === 0 ? [] : [`${key} ${not ? '! ' : ''}${names.join(',')}`];
  return [...one('ct state', plain), ...one('ct status', nated)];
}

const STATUSES: Readonly<Record<string, string>> = { seen_reply: 'seen-reply' };

function status({ names, not }: { names: string[]; not?: boolean }): string[] {
  if (names.includes('none')) {
    if (names.length > 1 || not) throw new NotTranslated('-m conntrack --ctstatus', 'NONE and others are two tests');
    return ['ct status 0'];
  }
  return [
    `ct status ${not ? '! ' : ''}${names.map((name) => STATUSES[name.toLowerCase()] ?? name.toLowerCase()).join(',')}`,
  ];
}

function conntrack(match: Of<'conntrack'>, header: Header): string[] {
  const { state, protocol, direction } = match;
  const address = (left: string, test: { prefix: string; not?: boolean } | undefined) =>
    test ? [addressTest(left, test.prefix, test.not)] : [];
  const port = (left: string, test: PortTest | undefined) => (test ? [compare(left, rangeText(test), test.not)] : []);
  return [
    ...(direction === undefined ? [] : [`ct direction ${direction.toLowerCase()}`]),
    ...(protocol ? [compare('ct original protocol', String(protocol.protocol), protocol.not)] : []),
    ...(state ? states(state.states, state.not) : []),
    ...(match.status ? status(match.status) : []),
    ...address(`ct original ${header} saddr`, match.origSrc),
    ...address(`ct original ${header} daddr`, match.origDst),
    ...address(`ct reply ${header} saddr`, match.replSrc),
    ...address(`ct reply ${header} daddr`, match.replDst),
    ...port('ct original proto-src', match.origSrcPort),
    ...port('ct original proto-dst', match.origDstPort),
    ...port('ct reply proto-src', match.replSrcPort),
    ...port('ct reply proto-dst', match.replDstPort),
  ];
}

function addrtype({ srcType, dstType, limitIfaceIn, limitIfaceOut }: Of<'addrtype'>): string[] {
  const device = limitIfaceIn ? ' . iif' : limitIfaceOut ? ' . oif' : '';
  const one = (side: string, test: { types: string[]; not?: boolean } | undefined) => {
    if (!test) return [];
    const types = test.types.map((type) => type.toLowerCase());
    const right = types.length === 1 ? (types[0] ?? '') : `{ ${types.join(', ')} }`;
    return [compare(`fib ${side}${device} type`, right, test.not)];
  };
  return [...one('saddr', srcType), ...one('daddr', dstType)];
}

const RANDOM_MASK = 0x7fffffff;

function statistic(match: Of<'statistic'>): string[] {
  if (match.mode === 'nth') return [`numgen inc mod ${match.every} ${match.packet}`];
  return [`meta random & ${RANDOM_MASK} ${match.not ? '>=' : '<'} ${match.probability}`];
}

/** xt_dscp.c:tos_mt(): the whole byte; nftables has names for its upper six bits and its lower two. */
function tos({ value, mask, not }: Of<'tos'>, header: Header): string {
  if (mask === 0xfc) return compare(`${header} dscp`, hex(value >> 2), not);
  if (mask === 0x03) return compare(`${header} ecn`, String(value), not);
  const field = header === 'ip' ? '@nh,8,8' : '@nh,4,8';
  return masked(field, value, mask === 0xff ? 0xffffffff : mask, not);
}

const TTL_OPERATORS = { eq: '==', ne: '!=', lt: '<', gt: '>' } as const;

/** `protocol`: what `-p` says. */
export function matchTests(match: IptablesMatch, header: Header, protocol: number | undefined): string[] {
  switch (match.kind) {
    case 'tcp':
      return orProtocol('tcp', tcp(match));
    case 'udp':
    case 'sctp':
      return orProtocol(match.kind, ports(match.kind, match));
    case 'icmp':
    case 'icmp6':
      return icmp(match);
    case 'multiport':
      return multiport(match, protocol);
    case 'mark':
      return [masked('meta mark', match.value, match.mask, match.not)];
    case 'connmark':
      return [masked('ct mark', match.value, match.mask, match.not)];
    case 'state':
      return states(match.states, match.not);
    case 'conntrack':
      return conntrack(match, header);
    case 'addrtype':
      return addrtype(match);
    case 'statistic':
      return statistic(match);
    case 'mac':
      return [compare('ether saddr', match.address, match.not)];
    case 'ttl':
      return [`${header === 'ip' ? 'ip ttl' : 'ip6 hoplimit'} ${TTL_OPERATORS[match.op]} ${match.value}`];
    case 'length':
      return [compare('meta length', rangeText(match), match.not)];
    case 'iprange':
      return (['src', 'dst'] as const).flatMap((side) => {
        const test = match[side];
        return test
          ? [compare(`${header} ${side === 'src' ? 'saddr' : 'daddr'}`, `${test.from}-${test.to}`, test.not)]
          : [];
      });
    case 'tos':
      return [tos(match, header)];
    case 'physdev':
      throw new NotTranslated('-m physdev', 'nftables sees the port of a bridge in tables of family bridge only');
    case 'recent':
      throw new NotTranslated('-m recent', 'sets of nftables do not count how often an element was seen');
    case 'set':
      throw new NotTranslated(`-m set --match-set ${match.set}`, 'sets of ipset are not seen by nftables');
    case 'iif':
    case 'oif':
      return [interfaceTest(`${match.kind}name`, match.name, match.not)];
    default:
      throw new NotTranslated(`-m ${match.kind}`);
  }
}
