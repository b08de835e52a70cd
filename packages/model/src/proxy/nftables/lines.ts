/** What kube-proxy writes, in the words in which it hands it to nft: chains, sets, rules and elements, each once. Text and machine are made of it. */
import type { Statement } from '@podwire/engine';
import type { NftStatement } from '../../linux/nft/syntax.ts';
import type { ProxyCause } from '../proxy.ts';

/** The one table, of each family. */
export const TABLE = 'kube-proxy';

export interface ChainLine {
  name: string;
  hook?: { type: 'filter' | 'nat'; hook: string; priority: number };
  comment?: string;
}

export interface SetLine {
  name: string;
  /** Datatypes of a key. */
  type: readonly string[];
  /** Keys lead to verdicts. */
  isMap?: boolean;
  comment?: string;
  /** Rules add elements, which leave after so many seconds. */
  timeout?: number;
  cause: ProxyCause;
}

/** A rule in nft's tree and in the machine's words. */
export interface MadeBody {
  expr: NftStatement[];
  body: Statement[];
}

export interface RuleLine {
  chain: string;
  text: string;
  comment?: string;
  cause: ProxyCause;
  /** What nft makes of `text`, for rules of which there are many. Without it, the text is read. */
  made?: () => MadeBody;
}

export interface ElementLine {
  set: string;
  key: readonly (string | number)[];
  /** Of a map. */
  verdict?: { kind: 'drop' } | { kind: 'goto'; chain: string };
  comment?: string;
  cause: ProxyCause;
}

/** Cause of what is always there. */
export const ALWAYS: ProxyCause = { kind: 'proxy' };

const quoted = (comment: string | undefined) => (comment === undefined ? '' : ` comment "${comment}"`);

export function chainCommand(family: string, { name, hook, comment }: ChainLine): string {
  const inner = [
    ...(hook ? [`type ${hook.type} hook ${hook.hook} priority ${hook.priority} ;`] : []),
    ...(comment === undefined ? [] : [`comment "${comment}" ;`]),
  ];
  return `add chain ${family} ${TABLE} ${name}${inner.length > 0 ? ` { ${inner.join(' ')} }` : ''}`;
}

export function setCommand(family: string, { name, type, isMap, comment, timeout }: SetLine): string {
  const inner = [
    `type ${type.join(' . ')}${isMap ? ' : verdict' : ''} ;`,
    ...(timeout === undefined ? [] : [`flags dynamic,timeout ; timeout ${timeout}s ;`]),
    ...(comment === undefined ? [] : [`comment "${comment}" ;`]),
  ];
  return `add ${isMap ? 'map' : 'set'} ${family} ${TABLE} ${name} { ${inner.join(' ')} }`;
}

export function ruleCommand(family: string, { chain, text, comment }: RuleLine): string {
  return `add rule ${family} ${TABLE} ${chain} ${text}${quoted(comment)}`;
}

export function elementCommand(family: string, { set, key, verdict, comment }: ElementLine): string {
  const value = verdict ? ` : ${verdict.kind === 'goto' ? `goto ${verdict.chain}` : verdict.kind}` : '';
  return `add element ${family} ${TABLE} ${set} { ${key.join(' . ')}${quoted(comment)}${value} }`;
}
