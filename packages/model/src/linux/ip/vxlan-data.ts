/** What `ip -d link` says of the outer packets of VXLAN: as `-j` prints it, and as words (iproute2's ip/iplink_vxlan.c). */
import type { Tunnel } from '@podwire/engine';

/** `info_data` of `ip -j -d link`. */
export interface VxlanData {
  id?: number;
  external?: boolean;
  local?: string;
  local6?: string;
  remote?: string;
  remote6?: string;
  /** A multicast address that stands for all other ends. */
  group?: string;
  group6?: string;
  link?: string;
  port?: number;
  learning?: boolean;
  /** Hexadecimal; 0x1 for `inherit`. */
  tos?: string;
  /** 0 for the host's own; absent for `inherit`. */
  ttl?: number;
  df?: string;
}

const INHERIT_TOS = 1;

function tosOf(text: string): Tunnel['tos'] {
  const value = Number(text);
  return value === INHERIT_TOS ? 'inherit' : value;
}

const dfOf = (text: string | undefined): Tunnel['df'] => (text === 'set' || text === 'inherit' ? text : undefined);

export function vxlanTunnel(data: VxlanData): Tunnel {
  const { id, link, port, learning, ttl } = data;
  const local = data.local ?? data.local6;
  const remote = data.remote ?? data.remote6 ?? data.group ?? data.group6;
  const tos = data.tos === undefined ? undefined : tosOf(data.tos);
  const df = dfOf(data.df);
  return {
    ...(typeof id === 'number' && { id }),
    ...(local !== undefined && { local }),
    ...(remote !== undefined && { remote }),
    ...(link !== undefined && { dev: link }),
    ...(port !== undefined && { port }),
    ...(ttl === undefined ? { ttl: 'inherit' as const } : ttl !== 0 && { ttl }),
    ...(tos !== undefined && tos !== 0 && { tos }),
    ...(df !== undefined && { df }),
    ...(learning === false && { learning }),
    ...(data.external === true && { unmodelled: 'external' }),
  };
}

const six = (name: string, address: string | undefined): object =>
  address === undefined ? {} : { [address.includes(':') ? `${name}6` : name]: address };

const isMulticast = (address: string) => /^(ff|2(2[4-9]|3\d)\.)/i.test(address);

export function vxlanData(tunnel: Tunnel): VxlanData {
  const { id, local, remote, dev, port, ttl, tos, df, learning, unmodelled } = tunnel;
  const far = remote !== undefined && isMulticast(remote) ? 'group' : 'remote';
  return {
    ...(unmodelled === 'external' && { external: true }),
    ...(id !== undefined && { id }),
    ...six(far, remote),
    ...six('local', local),
    ...(dev !== undefined && { link: dev }),
    ...(port !== undefined && { port }),
    learning: learning !== false,
    ...(tos !== undefined && { tos: `0x${(tos === 'inherit' ? INHERIT_TOS : tos).toString(16)}` }),
    ...(ttl !== 'inherit' && { ttl: ttl ?? 0 }),
    df: df ?? 'unset',
  };
}

/** Of the line that `ip -d link` prints; `words` begin with the kind. */
export function vxlanWords(words: readonly string[]): VxlanData {
  const behind = (name: string): string | undefined => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : words[at + 1];
  };
  const number = (name: string): number | undefined => {
    const value = Number(behind(name) ?? Number.NaN);
    return Number.isInteger(value) ? value : undefined;
  };
  const [id, port, dev, tos, df] = [number('id'), number('dstport'), behind('dev'), behind('tos'), behind('df')];
  // Older versions say nothing where the TTL is the host's own.
  const ttl = behind('ttl') === 'inherit' ? undefined : (number('ttl') ?? 0);
  return {
    ...(words.includes('external') && { external: true }),
    ...(id !== undefined && { id }),
    ...six('remote', behind('remote')),
    ...six('group', behind('group')),
    ...six('local', behind('local')),
    ...(dev !== undefined && { link: dev }),
    ...(port !== undefined && { port }),
    ...(tos !== undefined && { tos: tos === 'inherit' ? '0x1' : tos }),
    ...(ttl !== undefined && { ttl }),
    ...(df !== undefined && { df }),
    learning: !words.includes('nolearning'),
  };
}

/** The line that `ip -d link` prints, without blanks around. */
export function vxlanText(data: VxlanData): string {
  const word = (name: string, value: string | number | undefined) => (value === undefined ? '' : `${name} ${value}`);
  const words = [
    'vxlan',
    data.external ? 'external' : '',
    word('id', data.id),
    word('remote', data.remote ?? data.remote6),
    word('group', data.group ?? data.group6),
    word('local', data.local ?? data.local6),
    word('dev', data.link),
    'srcport 0 0',
    word('dstport', data.port),
    data.learning === false ? 'nolearning' : '',
    word('tos', data.tos === '0x1' ? 'inherit' : data.tos),
    data.ttl === undefined ? 'ttl inherit' : data.ttl === 0 ? 'ttl auto' : `ttl ${data.ttl}`,
    word('df', data.df),
  ];
  return words.filter((text) => text !== '').join(' ');
}
