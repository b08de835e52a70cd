/** /proc/net/{tcp,tcp6,udp,udp6}: tcp4_seq_show, tcp6_seq_show, udp4_seq_show, udp6_seq_show. */
import { type Family, formatAddress, type Listener, parseAddress, type Words } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, wordsOf } from '../lines.ts';
import type { ReadListeners } from './ss.ts';
import { settleV6only } from './words.ts';

/** Words of the address as the machine has them in memory: little endian, four bytes each. */
function addressOf(hex: string): string {
  const words = (hex.match(/.{8}/g) ?? []).map((word) => {
    const bytes = word.match(/../g) ?? [];
    return Number.parseInt(bytes.reverse().join(''), 16) >>> 0;
  });
  const [a = 0, b = 0, c = 0, d = 0] = words;
  const all: Words = words.length === 1 ? [0, 0, 0, a] : [a, b, c, d];
  return formatAddress({ family: words.length === 1 ? 4 : 6, words: all });
}

const END = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/i;
/** TCP_LISTEN; and TCP_CLOSE, which a datagram socket without a peer is in. */
const WAITING: Readonly<Record<number, string>> = { 6: '0A', 17: '07' };

/** `protocol`: 6 for tcp and tcp6, 17 for udp and udp6. The family is told by the length of the addresses. */
export function readProcSockets(text: string, protocol: 6 | 17, options: LineOptions = {}): ReadListeners {
  const problems: Problem[] = [];
  const listeners: Listener[] = [];
  let connections = 0;
  eachLine(linesOf(text, options), 'proc-sockets', problems, options, ({ text: line }) => {
    if (/^\s*sl\s/.test(line)) return;
    const [slot = '', local = '', peer = '', state = ''] = wordsOf(line);
    const end = END.exec(local);
    if (!/^\d+:$/.test(slot) || !end || !END.test(peer) || !/^[0-9A-F]{2}$/i.test(state))
      throw new RangeError('no socket');
    if (state.toUpperCase() !== WAITING[protocol]) {
      connections++;
      return;
    }
    listeners.push({ protocol, address: addressOf(end[1] as string), port: Number.parseInt(end[2] as string, 16) });
  });
  return {
    listeners: settleV6only(listeners),
    passedOver: connections > 0 ? { connections } : {},
    problems,
  };
}

function hexOf(address: string): string {
  const parsed = parseAddress(address);
  const words = parsed ? (parsed.family === 4 ? [parsed.words[3]] : parsed.words) : [];
  return words
    .map((word) => {
      const bytes = word.toString(16).padStart(8, '0').match(/../g) ?? [];
      return bytes.reverse().join('');
    })
    .join('')
    .toUpperCase();
}

/** The listeners of one protocol and family, as that file of /proc/net lists them. */
export function printProcSockets(listeners: readonly Listener[], protocol: 6 | 17, family: Family): string {
  const own = listeners.filter((l) => l.protocol === protocol && l.address.includes(':') === (family === 6));
  const any = `${'0'.repeat(family === 4 ? 8 : 32)}:0000`;
  const title = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
  return (
    title +
    own
      .map(({ address, port }, i) => {
        const local = `${hexOf(address)}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
        const queues = '00000000:00000000 00:00000000 00000000     0        0 0';
        return `${String(i).padStart(4)}: ${local} ${any} ${WAITING[protocol]} ${queues}\n`;
      })
      .join('')
  );
}
