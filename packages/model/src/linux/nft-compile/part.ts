/** What an expression reads, for the machine: a selector, the type of its values, and what has to hold before it can be read. */
import { type Scalar, type Selector, type Statement, type TableFamily, TcpFlag, type ValueType } from '@podwire/engine';
import type { NftExpression } from '../nft/syntax.ts';
import { type Datatype, types } from '../nft/tables/datatypes.ts';

export interface Part {
  selector: Selector;
  /** How nft writes its values. */
  datatype: Datatype;
  type: ValueType;
  /** nft numbers some values otherwise than the machine does. */
  renumber?: (value: bigint) => bigint;
  /** What nft itself tests first: that the packet has the header. */
  needs: Statement[];
}

/** Where a rule stands, as far as the meaning of its expressions hangs on it. */
export interface Scope {
  family: TableFamily;
  /** Named sets and maps of the table, as they are declared. */
  declared: ReadonlyMap<string, { key: readonly Datatype[]; data?: readonly Datatype[] | 'verdict' | 'object' }>;
  /** What the table's objects of helpers and expectations give connections, by kind and name. */
  watchers?: ReadonlyMap<string, Extract<Statement, { kind: 'ct-helper' }>>;
  /** The text of an expression or statement that is not modelled. */
  text: (node: unknown) => string;
}

/** What the machine keeps values of a datatype as. */
export function valueType({ codec, name }: Datatype): ValueType {
  if (codec === 'ipv4') return 'ipv4_addr';
  if (codec === 'ipv6') return 'ipv6_addr';
  if (codec === 'ether') return 'ether_addr';
  return codec === 'string' && name === 'ifname' ? 'ifname' : 'integer';
}

export function plainPart(selector: Selector, datatype: Datatype, needs: Statement[] = []): Part {
  return { selector, datatype, type: valueType(datatype), needs };
}

export function unmodelled(node: NftExpression, datatype: Datatype, scope: Scope, needs: Statement[] = []): Part {
  const type = valueType(datatype);
  return { selector: { field: 'unmodelled', text: scope.text(node), type }, datatype, type, needs };
}

/** A device by its name, where its index is asked for: names are what the machine compares. */
export function byName(part: Part): Part {
  if (part.datatype !== types.interfaceIndex) return part;
  const { selector } = part;
  let named: Selector = selector;
  if (selector.field === 'meta iif') named = { field: 'meta iifname' };
  else if (selector.field === 'meta oif') named = { field: 'meta oifname' };
  else if (selector.field === 'fib') named = { ...selector, result: 'oifname' };
  return { ...part, selector: named, datatype: types.interfaceName, type: 'ifname' };
}

export const protocolIs = (protocol: number): Statement => ({ kind: 'protocol', protocol });

export const compareInteger = (selector: Selector, value: Scalar): Statement => ({
  kind: 'compare',
  key: [selector],
  op: 'eq',
  values: [value],
});

/** The packet has a connection. */
export const connected: Statement = compareInteger({ field: 'ct direction', mask: 0 }, 0);

/** It is TCP and opens a connection: what only such segments say. */
export const opens: Statement = {
  kind: 'compare',
  key: [{ field: 'tcp flags', mask: TcpFlag.SYN }],
  op: 'ne',
  values: [0],
};
