/** `netstat -lntup` and `netstat -antu` (net-tools' netstat.c). */
import { formatAddress, type Listener, parseAddress } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, wordsOf } from '../lines.ts';
import type { ReadListeners } from './ss.ts';
import { portOf, settleV6only, transportName, transportOf } from './words.ts';

const HEADERS =
  /^(Active (Internet|UNIX|IPX|AX\.25|Bluetooth)|Proto |\(Not all processes|\(No info could|\s*will not be shown|\s*you would have to)/;
const OTHERS = /^(raw6?|unix|udplite6?|icmp6?|sctp6?|rfcomm|l2cap)\s/;

/** TCP sockets show a state; of the others, one without a peer waits for packets. */
function isWaiting(protocol: number, peer: string, state: string): boolean {
  return protocol === 6 ? state === 'LISTEN' : peer.endsWith(':*');
}

/** Without `-n` the one name that means the same everywhere is told by it; older versions write any address as `*`. */
function addressText(written: string, isIPv6: boolean): string {
  if (written === '*') return isIPv6 ? '::' : '0.0.0.0';
  if (written === 'localhost') return isIPv6 ? '::1' : '127.0.0.1';
  return written.replace(/^\[(.*)\]$/, '$1');
}

class NetstatReader {
  readonly listeners: Listener[] = [];
  readonly passedOver: Record<string, number> = {};

  #pass(what: string): void {
    this.passedOver[what] = (this.passedOver[what] ?? 0) + 1;
  }

  read(line: string): void {
    if (HEADERS.test(line)) return;
    const other = OTHERS.exec(line)?.[1];
    if (other !== undefined) {
      this.#pass(`${other} sockets`);
      return;
    }
    const [kind = '', received = '', sent = '', local = '', peer = '', ...rest] = wordsOf(line);
    const transport = transportOf(kind);
    if (!transport) throw new RangeError(`"${kind}" is no kind of socket`);
    if (!/^\d+$/.test(received) || !/^\d+$/.test(sent) || !peer.includes(':')) throw new RangeError('no socket');
    const state = /^[A-Z_0-9]+$/.test(rest[0] ?? '') && !/^\d/.test(rest[0] ?? '') ? (rest.shift() ?? '') : '';
    if (!isWaiting(transport.protocol, peer, state)) {
      this.#pass('connections');
      return;
    }
    const colon = local.lastIndexOf(':');
    const written = local.slice(0, colon);
    const parsed = parseAddress(addressText(written, transport.isIPv6));
    if (!parsed) throw new RangeError(`"${written}" is no address`);
    const process = /(?:^|\s)\d+\/(\S+)/.exec(rest.join(' '))?.[1]?.replace(/:$/, '');
    this.listeners.push({
      protocol: transport.protocol,
      address: formatAddress(parsed),
      port: portOf(local.slice(colon + 1)),
      ...(process !== undefined && { process }),
    });
  }
}

export function readNetstat(text: string, options: LineOptions = {}): ReadListeners {
  const problems: Problem[] = [];
  const reader = new NetstatReader();
  eachLine(linesOf(text, options), 'netstat', problems, options, (line) => reader.read(line.text));
  return { listeners: settleV6only(reader.listeners), passedOver: reader.passedOver, problems };
}

/** `netstat -lntup`. A `::` socket that takes no IPv4 looks like any other here. */
export function printNetstat(listeners: readonly Listener[]): string {
  const rows = listeners.map(({ protocol, address, port, process }) => {
    const isIPv6 = address.includes(':');
    const kind = `${transportName(protocol)}${isIPv6 ? '6' : ''}`;
    const state = protocol === 6 ? 'LISTEN' : '';
    const program = process === undefined ? '-' : `1/${process}`;
    const peer = isIPv6 ? ':::*' : '0.0.0.0:*';
    const ends = `${`${address}:${port}`.padEnd(23)} ${peer.padEnd(23)} ${state.padEnd(11)}`;
    return `${kind.padEnd(5)}      0      0 ${ends} ${program}\n`;
  });
  const titles = 'Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name\n';
  return `Active Internet connections (only servers)\n${titles}${rows.join('')}`;
}
