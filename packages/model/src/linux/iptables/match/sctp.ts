/** `-m sctp`: net/netfilter/xt_sctp.c. Chunk types are not modelled; a match on them keeps its text. */

import { Protocol } from '@podwire/engine';
import { dictionary } from '../base/dictionary.ts';
import { bang, byName, type Given, inverted, type MatchExtension, option, Refusal, word } from '../base/extension.ts';
import { portRange } from '../base/numbers.ts';
import { type PortTest, portOptions, printPorts } from './ports.ts';

/** By number, as they are printed. */
const CHUNKS = [
  'DATA',
  'INIT',
  'INIT_ACK',
  'SACK',
  'HEARTBEAT',
  'HEARTBEAT_ACK',
  'ABORT',
  'SHUTDOWN',
  'SHUTDOWN_ACK',
  'ERROR',
  'COOKIE_ECHO',
  'COOKIE_ACK',
  'ECN_ECNE',
  'ECN_CWR',
  'SHUTDOWN_COMPLETE',
  'I_DATA',
  'ASCONF_ACK',
  'RE_CONFIG',
  'PAD',
  'FORWARD_TSN',
  'ASCONF',
  'I_FORWARD_TSN',
];
/** Letters of the flags a chunk has, highest bit first: upper case asks for a flag, lower case for its absence. */
const FLAGS: Readonly<Record<string, string>> = dictionary({
  DATA: 'IUBE',
  I_DATA: 'IUBE',
  ABORT: 'T',
  SHUTDOWN_COMPLETE: 'T',
});

/** A flag once asked for stays asked for. */
function readFlags(chunk: string, text: string): string {
  const known = FLAGS[chunk] ?? '';
  for (const letter of text) {
    if (!known.includes(letter.toUpperCase())) throw new Refusal(`Invalid flags for chunk type ${chunk}`);
  }
  return [...known]
    .map((flag) => (text.includes(flag) ? flag : text.includes(flag.toLowerCase()) ? flag.toLowerCase() : ''))
    .join('');
}

/** `DATA:BE,INIT`. */
function readChunks(text: string): string {
  const upper = text.toUpperCase();
  if (upper === 'ALL' || upper === 'NONE') return upper;
  const flags = new Map<string, string>();
  for (const part of text.split(',').filter((p) => p !== '')) {
    const [name = '', letters = ''] = part.split(':');
    const chunk = name.toUpperCase();
    if (!CHUNKS.includes(chunk)) throw new Refusal(`Unknown sctp chunk \`${name}'`);
    flags.set(chunk, (flags.get(chunk) ?? '') + letters);
  }
  const printed = CHUNKS.filter((chunk) => flags.has(chunk)).map((chunk) => {
    const letters = readFlags(chunk, flags.get(chunk) ?? '');
    return letters === '' ? chunk : `${chunk}:${letters}`;
  });
  return printed.length ? printed.join(',') : 'NONE';
}

/** Unlike TCP's and UDP's, a test for all ports is kept. */
function readPort(given: Given | undefined): PortTest | undefined {
  return given && { ...portRange(given.name, word(given)), ...inverted(given.not) };
}

export const sctp: MatchExtension = {
  name: 'sctp',
  impliedBy: [Protocol.SCTP],
  protocols: [Protocol.SCTP],
  options: [...portOptions, option('chunk-types', 2, { negatable: true })],
  parse(given) {
    const g = byName(given);
    const sport = readPort(g.get('sport'));
    const dport = readPort(g.get('dport'));
    const ports = { ...(sport && { sport }), ...(dport && { dport }) };
    const chunks = g.get('chunk-types');
    if (!chunks) return { kind: 'sctp', ...ports };
    const [which = '', types = ''] = chunks.values;
    if (!['any', 'all', 'only'].includes(which.toLowerCase())) {
      throw new Refusal('Match type has to be one of "ALL", "ANY" or "ONLY"');
    }
    const text = `-m sctp${printPorts(ports)} ${bang(chunks.not)}--chunk-types ${which.toLowerCase()} ${readChunks(types)}`;
    return {
      kind: 'extension',
      text,
      tests: [
        { kind: 'sctp', ...ports },
        { kind: 'unmodelled', text },
      ],
    };
  },
};
