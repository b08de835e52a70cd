/**
 * What `ip -d link` says of a tunnel, as text and as `-j` has it, and the `Tunnel` that it is (iproute2's ip/link_iptnl.c, link_gre.c,
 * link_ip6tnl.c, iplink_geneve.c, tunnel.c). WireGuard says nothing here: see `../wireguard`.
 */
import type { Link, Tunnel, TunnelKind } from '@podwire/engine';

/** `info_data` of `ip -d -j link`. */
export interface TunnelData {
  external?: boolean;
  /** `ipip`, `ip6ip6`, `any` ... */
  proto?: string;
  id?: number;
  remote?: string;
  remote6?: string;
  local?: string;
  local6?: string;
  link?: string;
  ttl?: number | string;
  tos?: number | string;
  pmtudisc?: boolean;
  /** Dotted: `0.0.0.5`. */
  ikey?: string;
  okey?: string;
  df?: string;
  port?: number;
  encap_limit?: number;
  ip6_tnl_f_ign_encap_limit?: boolean;
  ip6_tnl_f_use_orig_tclass?: boolean;
  tclass?: number | string;
  fwmark?: number | string;
  /** Settings that no machine follows, as the text has them. */
  strange?: string;
}

/** Kinds that print what they are on a line of their own. */
const DETAILED: ReadonlySet<string> = new Set(['geneve', 'gretap', 'gre', 'ipip', 'sit', 'ip6tnl']);
export const isDetailed = (kind: string | undefined): boolean => kind !== undefined && DETAILED.has(kind);

const PROTOCOLS = new Set(['ipip', 'ip6ip', 'mplsip', 'any', 'ipip6', 'ip6ip6']);
const isProtocol = (word: string | undefined): boolean => word !== undefined && PROTOCOLS.has(word);

/** Words that change what a packet looks like or where it goes in ways that are not modelled; with a value or without. */
const STRANGE: Readonly<Record<string, boolean>> = {
  external: false,
  isatap: false,
  iseq: false,
  oseq: false,
  icsum: false,
  ocsum: false,
  seq: false,
  csum: false,
  dscp: true,
  mip6: false,
  erspan_ver: true,
};

/** `encap fou encap-sport auto encap-dport 5555`: the words from `encap` on that belong together. */
function encapWords(words: readonly string[]): string[] {
  const at = words.indexOf('encap');
  if (at < 0) return [];
  let end = at + 2;
  while (/^(no)?encap-/.test(words[end] ?? '')) end += /^encap-[sd]port$/.test(words[end] ?? '') ? 2 : 1;
  return words.slice(at, end);
}

function strangeWords(words: readonly string[]): string | undefined {
  const found = words.flatMap((word, i) => {
    const takes = STRANGE[word];
    return takes === undefined ? [] : takes ? [`${word} ${words[i + 1] ?? ''}`] : [word];
  });
  const behind = words.indexOf('fwmark');
  if (words[behind + 1] === 'inherit' && behind >= 0) found.push('fwmark inherit');
  const all = [...found, encapWords(words).join(' ')].filter((text) => text !== '');
  return all.length === 0 ? undefined : all.join(' ');
}

const numberIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : undefined;

/** The words of the line behind the kind, and of `ip tunnel show` behind the protocols. */
export function tunnelData(words: readonly string[]): TunnelData {
  const value = (name: string) => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : words[at + 1];
  };
  const set = <K extends keyof TunnelData>(key: K, found: TunnelData[K] | undefined) =>
    found === undefined ? {} : { [key]: found };
  const key = value('key');
  const limit = value('encaplimit');
  return {
    ...set('proto', isProtocol(words[0]) ? words[0] : undefined),
    ...set('id', numberIn(value('id'))),
    ...set('remote', value('remote')),
    ...set('local', value('local')),
    ...set('link', value('dev')),
    ...set('ttl', value('ttl') ?? value('hoplimit')),
    ...set('tos', value('tos') ?? value('tclass')),
    ...(words.includes('nopmtudisc') && { pmtudisc: false }),
    ...set('ikey', value('ikey') ?? key),
    ...set('okey', value('okey') ?? key),
    ...set('df', value('df')),
    ...set('port', numberIn(value('dstport'))),
    ...(limit === 'none' ? { ip6_tnl_f_ign_encap_limit: true } : set('encap_limit', numberIn(limit))),
    ...set('fwmark', value('fwmark')),
    ...set('strange', strangeWords(words)),
  };
}

const ANY = new Set(['any', '0.0.0.0', '::']);

/** A key as a number, which some print as an address. Throws RangeError. */
function keyOf(text: string | number | undefined): number | undefined {
  if (text === undefined) return undefined;
  const plain = numberIn(String(text));
  if (plain !== undefined) return plain;
  const bytes = String(text).split('.').map(Number);
  if (bytes.length !== 4 || bytes.some((byte) => !(byte >= 0 && byte <= 255)))
    throw new RangeError(`"${text}" is no key of a tunnel`);
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** Throws RangeError. */
function keysOf(kind: TunnelKind, data: TunnelData): Pick<Tunnel, 'id' | 'ikey'> {
  if (kind === 'geneve') return data.id === undefined ? {} : { id: data.id };
  if (kind !== 'gre' && kind !== 'gretap') return {};
  const [inKey, outKey] = [keyOf(data.ikey), keyOf(data.okey)];
  return {
    ...(outKey !== undefined && { id: outKey }),
    ...(inKey !== outKey && { ikey: inKey ?? ('none' as const) }),
  };
}

function ttlOf(kind: TunnelKind, { ttl }: TunnelData): Pick<Tunnel, 'ttl'> {
  const number = numberIn(ttl === undefined ? undefined : String(ttl));
  if (number) return { ttl: number };
  // For others than ip6tnl and Geneve it is what they do anyway.
  const inherits = kind === 'ip6tnl' || (kind === 'geneve' && ttl === 'inherit');
  return inherits ? { ttl: 'inherit' } : {};
}

function tosOf({ tos, tclass, ip6_tnl_f_use_orig_tclass: original }: TunnelData): Pick<Tunnel, 'tos'> {
  const text = String(tos ?? tclass ?? '');
  const number = text.endsWith('/inherit') ? 1 : numberIn(text);
  if (text === 'inherit' || original === true || number === 1) return { tos: 'inherit' };
  return number ? { tos: number } : {};
}

/** Every setting that JSON has and the machine does not follow. */
function strangeData(data: object): string | undefined {
  const known = data as Record<string, unknown>;
  const flags = ['external', 'isatap', 'iseq', 'oseq', 'icsum', 'ocsum', 'mip6'].filter((name) => known[name] === true);
  const encap = known.encap as { type?: string } | string | undefined;
  const type = typeof encap === 'object' ? encap.type : encap;
  const found = [...flags, ...(type !== undefined && type !== 'none' ? [`encap ${type}`] : [])];
  return found.length === 0 ? undefined : found.join(' ');
}

/** Throws RangeError for what no tunnel has. */
export function toTunnel(kind: TunnelKind, data: TunnelData): Tunnel {
  const address = (text: string | undefined) => (text === undefined || ANY.has(text) ? undefined : text);
  const local = address(data.local) ?? address(data.local6);
  const remote = address(data.remote) ?? address(data.remote6);
  const fwmark = numberIn(data.fwmark === undefined ? undefined : String(data.fwmark));
  const unmodelled = data.strange ?? strangeData(data);
  const six = kind === 'ip6tnl';
  const limit = data.ip6_tnl_f_ign_encap_limit === true ? ('none' as const) : data.encap_limit;
  return {
    ...(local !== undefined && { local }),
    ...(remote !== undefined && { remote }),
    ...(data.link !== undefined && data.link !== 'NONE' && { dev: data.link }),
    ...keysOf(kind, data),
    ...(kind === 'geneve' && data.port !== undefined && { port: data.port }),
    ...(data.proto !== undefined && { mode: data.proto }),
    ...ttlOf(kind, data),
    ...tosOf(data),
    ...((data.df === 'set' || data.df === 'inherit') && { df: data.df }),
    ...(data.pmtudisc === false && { pmtudisc: false }),
    ...(six && limit !== undefined && { encapLimit: limit }),
    ...(fwmark && { fwmark }),
    ...(unmodelled !== undefined && { unmodelled }),
  };
}

const dotted = (key: number) => [24, 16, 8, 0].map((shift) => (key >>> shift) & 255).join('.');
const hex = (value: number) => `0x${value.toString(16)}`;

function keyData({ id, ikey }: Tunnel): TunnelData {
  const inKey = ikey === undefined ? id : ikey === 'none' ? undefined : ikey;
  return {
    ...(inKey !== undefined && { ikey: dotted(inKey) }),
    ...(id !== undefined && { okey: dotted(id) }),
  };
}

/** The inverse of `toTunnel`; undefined for links that are no such tunnel. */
export function dataOf({ kind, tunnel }: Link): TunnelData | undefined {
  if (!tunnel || !isDetailed(kind)) return undefined;
  const { local, remote, dev, id, port, mode, ttl, tos, df, pmtudisc, encapLimit, fwmark, unmodelled } = tunnel;
  const six = kind === 'ip6tnl';
  const ip = kind === 'gre' || kind === 'gretap' || kind === 'ipip' || kind === 'sit';
  const number = ttl === 'inherit' || ttl === undefined ? 0 : ttl;
  return {
    ...(mode !== undefined && { proto: mode }),
    ...(kind === 'geneve' && id !== undefined && { id }),
    remote: remote ?? 'any',
    local: local ?? 'any',
    ...(dev !== undefined && { link: dev }),
    ...(kind === 'geneve' ? ttl !== undefined && { ttl } : (!six || number > 0) && { ttl: number }),
    ...(six && encapLimit === 'none' && { ip6_tnl_f_ign_encap_limit: true }),
    ...(six && typeof encapLimit === 'number' && { encap_limit: encapLimit }),
    ...(six && tos === 'inherit' && { ip6_tnl_f_use_orig_tclass: true }),
    ...(tos !== undefined &&
      !(six && tos === 'inherit') && { [six ? 'tclass' : 'tos']: hex(tos === 'inherit' ? 1 : tos) }),
    ...(ip && { pmtudisc: pmtudisc !== false }),
    ...((kind === 'gre' || kind === 'gretap') && keyData(tunnel)),
    ...(df !== undefined && { df }),
    ...(port !== undefined && { port }),
    ...(fwmark && { fwmark: hex(fwmark) }),
    ...(unmodelled !== undefined && { strange: unmodelled }),
  };
}

/** The line that `ip -d link` prints, without blanks around. */
export function tunnelText(kind: string, data: TunnelData): string {
  const six = kind === 'ip6tnl';
  const word = (name: string, value: string | number | undefined) => (value === undefined ? '' : `${name} ${value}`);
  const { ttl, pmtudisc } = data;
  const tos = data.tos ?? data.tclass;
  const words = [
    kind,
    data.proto ?? '',
    word('id', data.id),
    word('remote', data.remote),
    word('local', data.local),
    word('dev', data.link),
    data.ip6_tnl_f_ign_encap_limit ? 'encaplimit none' : word('encaplimit', data.encap_limit),
    kind === 'geneve' ? word('ttl', ttl) : word(six ? 'hoplimit' : 'ttl', ttl || 'inherit'),
    data.ip6_tnl_f_use_orig_tclass ? 'tclass inherit' : word(six ? 'tclass' : 'tos', tos === '0x1' ? 'inherit' : tos),
    pmtudisc === undefined ? '' : pmtudisc ? 'pmtudisc' : 'nopmtudisc',
    word('ikey', data.ikey),
    word('okey', data.okey),
    word('df', data.df),
    word('dstport', data.port),
    word('fwmark', data.fwmark),
    data.strange ?? '',
  ];
  return words.filter((text) => text !== '').join(' ');
}
