/** NAT statements and what they translate to: constants as iptables has them, everything else through the packet or a map. */
import type { Action, DataSource, NatRange, ValueRange } from '@podwire/engine';
import { NftRefusal } from '../nft/refusal.ts';
import type { NftExpression, NftNat, NftNatPort, NftNatStatement } from '../nft/syntax.ts';
import { type Datatype, types } from '../nft/tables/datatypes.ts';
import { dataSource } from './data.ts';
import type { Scope } from './part.ts';
import { shapesOf } from './sets.ts';
import { rangeOf } from './value.ts';

type Kind = 'dnat' | 'snat' | 'masquerade' | 'redirect';
type Flags = Pick<NatRange, 'random' | 'randomFully' | 'persistent' | 'netmap'>;

function flagsOf(flags: string | string[] | undefined): Flags {
  const given = [flags ?? []].flat();
  return {
    ...(given.includes('random') ? { random: true } : {}),
    ...(given.includes('fully-random') ? { randomFully: true } : {}),
    ...(given.includes('persistent') ? { persistent: true } : {}),
    ...(given.includes('netmap') ? { netmap: true } : {}),
  };
}

/** `prefix to`: one network for another, bit by bit. */
const natFlags = (nat: NftNat): Flags => ({
  ...flagsOf(nat.flags),
  ...([nat.type_flags ?? []].flat().includes('prefix') ? { netmap: true } : {}),
});

const isRead = (node: NftExpression): boolean =>
  typeof node === 'object' && !Array.isArray(node) && !('range' in node) && !('prefix' in node) && !('concat' in node);

const ends = (range: ValueRange) =>
  typeof range === 'object' ? { from: range.from, to: range.to } : { from: range, to: range };

/** The address's family: said, the table's, or what the text shows. */
function addressType({ family, addr }: NftNat, scope: Scope): Datatype {
  const ip = family ?? (scope.family === 'ip6' || JSON.stringify(addr ?? '').includes('::') ? 'ip6' : 'ip');
  return ip === 'ip6' ? types.ipv6 : types.ipv4;
}

function ports(port: NftExpression): { from: number; to: number } {
  const [shape] = shapesOf([types.service]);
  if (!shape) throw new NftRefusal('no port');
  const { from, to } = ends(rangeOf(port, shape));
  return { from: Number(from), to: Number(to) };
}

function constant(nat: NftNat, scope: Scope): NatRange {
  const [shape] = shapesOf([addressType(nat, scope)]);
  const range: NatRange = natFlags(nat);
  if (nat.addr !== undefined && shape) {
    const { from, to } = ends(rangeOf(nat.addr, shape));
    range.addresses = { from: String(from), to: String(to) };
  }
  if (nat.port !== undefined) range.ports = ports(nat.port);
  return range;
}

/** A map's values are addresses, or addresses with ports. */
function mapped(nat: NftNat, kind: 'dnat' | 'snat', scope: Scope): Action {
  if (nat.addr !== undefined && nat.port !== undefined)
    throw new NftRefusal('an address and a port from two places are not modelled');
  const flags = natFlags(nat);
  if (nat.addr === undefined) {
    const value = dataSource(nat.port as NftExpression, [types.service], scope);
    return { kind: 'nat-to', nat: kind, gives: ['port'], value, ...flags };
  }
  const address = addressType(nat, scope);
  const value: DataSource = dataSource(nat.addr, [address], scope, [address, types.service]);
  const gives = widthOf(value, nat.addr, scope) === 2 ? (['address', 'port'] as const) : (['address'] as const);
  return { kind: 'nat-to', nat: kind, gives: [...gives], value, ...flags };
}

/** How many components a value has. */
function widthOf(value: DataSource, node: NftExpression, scope: Scope): number {
  if (value.kind === 'value') return value.values.length;
  if (value.kind === 'selectors') return value.key.length;
  if (typeof value.map !== 'string') return value.map.elements.find(({ data }) => data)?.data?.length ?? 1;
  const declared = scope.declared.get(value.map)?.data;
  if (!Array.isArray(declared)) throw new NftRefusal(`no map of addresses: ${JSON.stringify(node)}`);
  return declared.length;
}

function portOnly(kind: Kind, nat: NftNatPort | null, scope: Scope): Action {
  const flags = flagsOf(nat?.flags);
  const port = nat?.port;
  if (port !== undefined && isRead(port)) {
    const value = dataSource(port, [types.service], scope);
    return { kind: 'nat-to', nat: kind, gives: ['port'], value, ...flags };
  }
  const range: NatRange = { ...flags, ...(port === undefined ? {} : { ports: ports(port) }) };
  return kind === 'masquerade' ? { kind, range } : { kind: 'redirect', range };
}

export function compileNat(node: NftNatStatement, scope: Scope): Action {
  if ('masquerade' in node) return portOnly('masquerade', node.masquerade, scope);
  if ('redirect' in node) return portOnly('redirect', node.redirect, scope);
  const [kind, nat] = 'dnat' in node ? (['dnat', node.dnat] as const) : (['snat', node.snat] as const);
  const read = [nat.addr, nat.port].some((part) => part !== undefined && isRead(part));
  if (read) return mapped(nat, kind, scope);
  if (typeof nat.addr === 'object' && !Array.isArray(nat.addr) && 'concat' in nat.addr) return mapped(nat, kind, scope);
  return { kind, range: constant(nat, scope) };
}
