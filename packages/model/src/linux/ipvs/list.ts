/** `ipvsadm -Ln`. Thresholds are not listed there, and are lost. */

import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, lookUp, wholeNumber, wordsOf } from '../lines.ts';
import { endText, readEnd } from './address.ts';
import type { ReadIpvs } from './save.ts';
import type { IpvsServer, IpvsService } from './types.ts';

const HEADERS = /^(IP Virtual Server version|Prot LocalAddress:Port|\s*-> RemoteAddress:Port)/;
const METHODS: Readonly<Record<string, IpvsServer['method']>> = {
  Masq: 'masquerade',
  Tunnel: 'tunnel',
  Route: 'route',
  Local: 'route',
};

function readService(line: string): IpvsService {
  const [kind = '', end, ...rest] = wordsOf(line);
  const words = [...rest];
  const service: IpvsService = { scheduler: '', servers: [] };
  if (kind === 'FWM') {
    service.fwmark = wholeNumber(end, 'mark', 0xffffffff);
    if (words[0] === 'IPv6') {
      words.shift();
      service.ipv6 = true;
    }
  } else {
    if (kind !== 'TCP' && kind !== 'UDP' && kind !== 'SCTP') throw new RangeError(`"${kind}" is no protocol`);
    Object.assign(service, { protocol: kind.toLowerCase(), ...readEnd(end) });
  }
  service.scheduler = words.shift() ?? '';
  if (service.scheduler === '') throw new RangeError('no scheduler');
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'persistent') service.persistent = wholeNumber(words.shift(), 'time');
    else if (word === 'mask') service.netmask = words.shift() ?? '';
    else if (word === 'pe') service.pe = words.shift() ?? '';
    else if (word === 'ops') service.onePacket = true;
    else if (/^\(.*\)$/.test(word)) service.flags = word.slice(1, -1);
    else throw new RangeError(`"${word}" is not understood`);
  }
  return service;
}

export function readIpvsList(text: string, options: LineOptions = {}): ReadIpvs {
  const problems: Problem[] = [];
  const services: IpvsService[] = [];
  let current: IpvsService | undefined;
  let hasMore = false;
  eachLine(linesOf(text, options), 'ipvs', problems, options, ({ text: line }) => {
    hasMore ||= HEADERS.test(line);
    if (HEADERS.test(line)) return;
    const server = /^\s+->\s+(.*)$/.exec(line)?.[1];
    hasMore ||= server !== undefined;
    if (server === undefined) {
      // Servers behind a line that is not understood are nobody's.
      current = undefined;
      current = readService(line);
      services.push(current);
      return;
    }
    const [end, forward = '', weight] = wordsOf(server);
    const method = lookUp(METHODS, forward);
    if (!method || !current) throw new RangeError('no real server');
    current.servers.push({ ...readEnd(end), method, weight: wholeNumber(weight, 'weight', 65535) });
  });
  return { services, problems, ...(!hasMore && services.length > 0 && { isFragment: true }) };
}

const NAMES = { masquerade: 'Masq', tunnel: 'Tunnel', route: 'Route' } as const;

/** `ipvsadm -Ln`, without the number of connections. */
export function printIpvsList(services: readonly IpvsService[]): string {
  const titles =
    'Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n';
  const rows = services.map(({ protocol, address = '', port = 0, fwmark, scheduler, servers, ...rest }) => {
    const end =
      protocol === undefined
        ? `FWM  ${fwmark ?? 0}`
        : `${protocol.toUpperCase().padEnd(4)} ${endText({ address, port })}`;
    const words = [
      end,
      ...(rest.ipv6 ? ['IPv6'] : []),
      scheduler,
      ...(rest.flags === undefined ? [] : [`(${rest.flags})`]),
      ...(rest.onePacket ? ['ops'] : []),
      ...(rest.persistent === undefined ? [] : [`persistent ${rest.persistent}`]),
      ...(rest.netmask === undefined ? [] : [`mask ${rest.netmask}`]),
      ...(rest.pe === undefined ? [] : [`pe ${rest.pe}`]),
    ];
    const lines = servers.map(
      (s) =>
        `  -> ${endText(s).padEnd(28)} ${NAMES[s.method].padEnd(7)} ${String(s.weight).padEnd(6)} 0          0         \n`,
    );
    return `${words.join(' ')}\n${lines.join('')}`;
  });
  return titles + rows.join('');
}
