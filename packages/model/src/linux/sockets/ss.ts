/** `ss`: listening sockets in, listening sockets out (iproute2's misc/ss.c). */
import { formatAddress, type Listener, parseAddress } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, wordsOf } from '../lines.ts';
import { portOf, transportName, transportOf } from './words.ts';

export interface ReadListeners {
  listeners: Listener[];
  /** Sockets that listen to nothing of ours, by what they are: connections, Unix sockets ... */
  passedOver: Readonly<Record<string, number>>;
  problems: Problem[];
}

/** Kinds of socket that no IP packet with a port ends in. */
const OTHER_KINDS =
  /^(nl|u_str|u_dgr|u_seq|p_raw|p_dgr|raw|icmp6?|v_str|v_dgr|tipc|xdp|dccp|mptcp|ti_sq|ti_sk|ti_rd|ti_dg|vsock|\?\?\?)$/;

const STATES =
  /^(LISTEN|UNCONN|ESTAB|SYN-SENT|SYN-RECV|FIN-WAIT-1|FIN-WAIT-2|TIME-WAIT|CLOSE-WAIT|LAST-ACK|CLOSING|CLOSED|UNKNOWN)$/;

/** Lines of `-i`, `-m`, `-o` that stand under a socket. */
const DETAIL = /^\s+\S/;

/** `[::1]:53`, `127.0.0.53%lo:53`, `*:80`. Old versions write `:::80`, and `*` for any IPv4 address. */
function splitEnd(text: string): { address: string; device?: string; port: string } {
  const colon = text.lastIndexOf(':');
  if (colon < 0) throw new RangeError(`"${text}" is no address with a port`);
  const [address = '', device] = text.slice(0, colon).split('%');
  return {
    address: address.replace(/^\[(.*)\]$/, '$1'),
    ...(device !== undefined && { device: device.replace(/\]$/, '') }),
    port: text.slice(colon + 1),
  };
}

interface Row {
  listener: Listener;
  /** `*`, which one version means as any address, another as any IPv4 address. */
  isStar: boolean;
}

function toRow(protocol: number, local: string, process: string | undefined, extended: string): Row {
  const { address, device, port } = splitEnd(local);
  const isStar = address === '*';
  const parsed = parseAddress(isStar ? '::' : address);
  if (!parsed) throw new RangeError(`"${address}" is no address`);
  const text = formatAddress(parsed);
  const v6only = /\bv6only:1\b/.test(extended) || (text === '::' && !isStar);
  return {
    isStar,
    listener: {
      protocol,
      address: text,
      port: portOf(port),
      ...(device !== undefined && { device }),
      ...(v6only && text === '::' && { v6only }),
      ...(process !== undefined && { process }),
    },
  };
}

class SsReader {
  readonly rows: Row[] = [];
  readonly passedOver: Record<string, number> = {};
  isOld = false;
  /** Of listings of one protocol, which do not name it. */
  #protocol: number | undefined;

  constructor(protocol: number | undefined) {
    this.#protocol = protocol;
  }

  #pass(what: string): void {
    this.passedOver[what] = (this.passedOver[what] ?? 0) + 1;
  }

  read(line: string): void {
    if (/^(Netid|State|Recv-Q)\s/.test(line) || /^(Failed to find cgroup2 mount|RTNETLINK answers:)/.test(line)) return;
    if (DETAIL.test(line) && !STATES.test(wordsOf(line)[0] ?? '')) {
      this.#pass('details');
      return;
    }
    const words = wordsOf(line);
    const kind = STATES.test(words[0] ?? '') ? undefined : (words.shift() ?? '');
    if (kind !== undefined && OTHER_KINDS.test(kind)) {
      this.#pass(`${kind} sockets`);
      return;
    }
    const protocol = kind === undefined ? this.#protocol : transportOf(kind)?.protocol;
    const [state = '', received, sent, local = '', peer = ''] = words;
    if (!STATES.test(state)) throw new RangeError('no state of a socket');
    if (!/^\d+$/.test(received ?? '') || !/^\d+$/.test(sent ?? '')) throw new RangeError('no queues');
    if (protocol === undefined) {
      // Without a first column the state tells: only TCP listens in a listing of one protocol; UNCONN is UDP's.
      if (kind !== undefined) throw new RangeError(`"${kind}" is no kind of socket`);
      this.#protocol = state === 'UNCONN' ? 17 : 6;
      this.read(line);
      this.#protocol = undefined;
      return;
    }
    if (local === '*' || local === '' || peer === '') throw new RangeError('no addresses');
    const isWaiting = state === 'LISTEN' || (state === 'UNCONN' && protocol !== 6);
    if (!isWaiting) {
      this.#pass('connections');
      return;
    }
    const rest = words.slice(5).join(' ');
    const process = /users:\(\("([^"]*)"/.exec(rest)?.[1];
    if (local.startsWith(':::')) this.isOld = true;
    this.rows.push(toRow(protocol, local, process, rest));
  }
}

/**
 * `ss -lntup`, `ss -ntuap` and the like; of other listings what listens. `protocol`: of a listing of one protocol, which has no column for it.
 */
export function readSs(text: string, options: LineOptions & { protocol?: number } = {}): ReadListeners {
  const problems: Problem[] = [];
  const reader = new SsReader(options.protocol);
  eachLine(linesOf(text, options), 'ss', problems, options, (line) => reader.read(line.text));
  const listeners = reader.rows.map(({ listener, isStar }) => {
    if (!isStar || !reader.isOld) return listener;
    const { v6only: _, ...rest } = listener;
    return { ...rest, address: '0.0.0.0' };
  });
  return { listeners, passedOver: reader.passedOver, problems };
}

function endText({ address, device, port, v6only }: Listener): string {
  const zone = device === undefined ? '' : `%${device}`;
  if (address === '::' && !v6only) return `*${zone}:${port}`;
  return address.includes(':') ? `[${address}]${zone}:${port}` : `${address}${zone}:${port}`;
}

function peerText({ address, v6only }: Listener): string {
  if (address === '::' && !v6only) return '*:*';
  return address.includes(':') ? '[::]:*' : '0.0.0.0:*';
}

/** `ss -lntup`: the columns are as wide as what stands in them. */
export function printSs(listeners: readonly Listener[]): string {
  const rows = listeners.map((listener) => [
    transportName(listener.protocol),
    listener.protocol === 17 ? 'UNCONN' : 'LISTEN',
    '0',
    '0',
    endText(listener),
    peerText(listener),
    listener.process === undefined ? '' : `users:(("${listener.process}",pid=0,fd=0))`,
  ]);
  const table = [['Netid', 'State', 'Recv-Q', 'Send-Q', 'Local Address:Port', 'Peer Address:Port', 'Process'], ...rows];
  const widths = table[0]?.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' ');
  return table.map((row) => `${line(row).trimEnd()}\n`).join('');
}
