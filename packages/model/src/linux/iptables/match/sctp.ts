/** `-m sctp`: net/netfilter/xt_sctp.c. Chunk types are not modelled; a match on them keeps its text. */
import { Protocol } from '@podwire/engine';
import { bang, byName, type MatchExtension, needProtocol, option, Refusal } from '../base/extension.ts';
import { portOptions, printPorts, readPort } from './ports.ts';

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
  'RE_CONFIG',
  'PAD',
  'ASCONF',
  'ASCONF_ACK',
  'FORWARD_TSN',
  'I_FORWARD_TSN',
];

/** `DATA:BE`: chunk flags stand behind the name. */
function readChunks(text: string): string {
  if (text === 'ALL' || text === 'NONE') return text;
  const given = text.split(',').map((part) => {
    const [name = '', flags] = part.split(':');
    const upper = name.toUpperCase();
    if (!CHUNKS.includes(upper)) throw new Refusal(`Unknown sctp chunk \`${name}'`);
    return { upper, text: flags === undefined ? upper : `${upper}:${flags}` };
  });
  return CHUNKS.flatMap((chunk) => given.filter((g) => g.upper === chunk).map((g) => g.text)).join(',');
}

export const sctp: MatchExtension = {
  name: 'sctp',
  impliedBy: [Protocol.SCTP],
  options: [...portOptions, option('chunk-types', 2, { negatable: true })],
  parse(given, context) {
    needProtocol(context, [Protocol.SCTP], "SCTP match requires '-p sctp'");
    const g = byName(given);
    const sport = readPort(g.get('sport'));
    const dport = readPort(g.get('dport'));
    const ports = { ...(sport && { sport }), ...(dport && { dport }) };
    const chunks = g.get('chunk-types');
    if (!chunks) return { kind: 'sctp', ...ports };
    const [which = '', types = ''] = chunks.values;
    if (!['any', 'all', 'only'].includes(which)) {
      throw new Refusal('sctp: "--chunk-types" requires any, all or only and a list of chunk types');
    }
    return {
      kind: 'unmodelled',
      text: `-m sctp${printPorts(ports)} ${bang(chunks.not)}--chunk-types ${which} ${readChunks(types)}`,
    };
  },
};
