/** /proc/net/route and /proc/net/ipv6_route (fib_route_seq_show, rt6_info_route): the main table of IPv4, all of IPv6. */
import { formatPrefix, networkOf, parsePrefix, type Route } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, wholeNumber, wordsOf } from '../lines.ts';
import { address4, address6, hex4, hex6, hexNumber, lengthOf, maskText } from './hex.ts';

export interface ReadRoutes {
  /** Of the main table. */
  routes: Route[];
  problems: Problem[];
}

/** RTF_UP, RTF_GATEWAY, RTF_HOST, RTF_REJECT (include/uapi/linux/route.h). */
const UP = 1;
const GATEWAY = 2;
const HOST = 4;
const REJECT = 0x200;
/** RTF_ANYCAST, RTF_LOCAL (include/uapi/linux/ipv6_route.h). */
const ANYCAST = 0x100000;
const LOCAL = 0x80000000;

function readLine4(line: string): Route {
  const [dev = '', destination = '', gateway = '', flagText, , , metric, mask = '', mtu] = wordsOf(line);
  const flags = hexNumber(flagText, 'flags');
  const length = lengthOf(address4(mask));
  const prefix = parsePrefix(`${address4(destination)}/${length}`);
  if (!prefix) throw new RangeError('no destination');
  const number = wholeNumber(metric, 'metric');
  // What stands here is the segment size for which the route is good, 40 bytes less than its MTU.
  const advmss = wholeNumber(mtu, 'MTU');
  const isReject = (flags & REJECT) !== 0;
  return {
    family: 4,
    type: isReject ? 'unreachable' : 'unicast',
    destination: formatPrefix(networkOf(prefix)),
    ...(number !== 0 && { metric: number }),
    scope: flags & GATEWAY || isReject ? 'global' : 'link',
    ...(advmss > 40 && { extra: `advmss ${advmss - 40}` }),
    nexthops: isReject ? [] : [{ dev, ...(flags & GATEWAY && { via: address4(gateway) }) }],
  };
}

/** /proc/net/route. */
export function readProcRoute(text: string, options: LineOptions = {}): ReadRoutes {
  const problems: Problem[] = [];
  const routes: Route[] = [];
  eachLine(linesOf(text, options), 'proc-route', problems, options, ({ text: line }) => {
    if (line.startsWith('Iface')) return;
    routes.push(readLine4(line));
  });
  return { routes, problems };
}

function mssOf(route: Route): number {
  const advmss = /\badvmss (\d+)/.exec(route.extra ?? '')?.[1];
  return advmss === undefined ? 0 : Number(advmss) + 40;
}

/** Unicast routes and those that reject, of one nexthop: the file shows no more of others. */
export function printProcRoute(routes: readonly Route[]): string {
  const lines = routes
    .filter((route) => route.family === 4 && ['unicast', 'unreachable'].includes(route.type))
    .map((route) => {
      const [address = '', length = ''] = route.destination.split('/');
      const [hop] = route.nexthops;
      const isReject = route.type === 'unreachable';
      const flags =
        UP | (hop?.via === undefined ? 0 : GATEWAY) | (length === '32' ? HOST : 0) | (isReject ? REJECT : 0);
      return [
        hop?.dev ?? '*',
        hex4(address),
        hex4(hop?.via ?? '0.0.0.0'),
        flags.toString(16).toUpperCase().padStart(4, '0'),
        0,
        0,
        route.metric ?? 0,
        hex4(maskText(Number(length))),
        mssOf(route),
        0,
        0,
      ].join('\t');
    });
  return ['Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT', ...lines]
    .map((line) => `${line.padEnd(127)}\n`)
    .join('');
}

function typeOf(flags: number): Route['type'] {
  if (flags & ANYCAST) return 'anycast';
  if (flags & LOCAL) return 'local';
  return flags & REJECT ? 'unreachable' : 'unicast';
}

/** The kernel's own last route, which says that there is none. */
const NULL_METRIC = 0xffffffff;

/** /proc/net/ipv6_route. Its tables are not told apart but by what stands in them: local and anycast routes are the local table's. */
export function readProcRoute6(text: string, options: LineOptions = {}): ReadRoutes & { local: Route[] } {
  const problems: Problem[] = [];
  const routes: Route[] = [];
  const local: Route[] = [];
  eachLine(linesOf(text, options), 'proc-route', problems, options, ({ text: line }) => {
    const [to = '', length, from = '', fromLength, gateway = '', metricText, , , flagText, dev] = wordsOf(line);
    if (dev === undefined) throw new RangeError('no route');
    const flags = hexNumber(flagText, 'flags');
    const metric = hexNumber(metricText, 'metric');
    address6(from);
    if (hexNumber(fromLength, 'length') !== 0) throw new RangeError('routes by source are not modelled');
    const type = typeOf(flags);
    if (type === 'unreachable' && metric === NULL_METRIC) return;
    const prefix = parsePrefix(`${address6(to)}/${hexNumber(length, 'length')}`);
    if (!prefix) throw new RangeError('no destination');
    const via = address6(gateway);
    const destination = formatPrefix(networkOf(prefix));
    const isMulticast = destination === 'ff00::/8';
    const route: Route = {
      family: 6,
      type: isMulticast ? 'multicast' : type,
      destination,
      metric,
      scope: 'global',
      nexthops: type === 'unreachable' ? [] : [{ dev, ...(via !== '::' && { via }) }],
    };
    if (isMulticast || type === 'local' || type === 'anycast') local.push(route);
    else routes.push(route);
  });
  return { routes, local, problems };
}

export function printProcRoute6(routes: readonly Route[]): string {
  return routes
    .filter((route) => route.family === 6)
    .map((route) => {
      const [address = '', length = ''] = route.destination.split('/');
      const [hop] = route.nexthops;
      const own = route.type === 'local' ? LOCAL : route.type === 'anycast' ? ANYCAST : 0;
      const reject = route.type === 'unreachable' ? REJECT : 0;
      const flags = ((UP | (hop?.via === undefined ? 0 : GATEWAY) | reject) + own) >>> 0;
      const word = (value: number) => value.toString(16).padStart(8, '0');
      const ends = `${hex6(address)} ${Number(length).toString(16).padStart(2, '0')} ${hex6('::')} 00`;
      const via = hex6(hop?.via ?? '::');
      return `${ends} ${via} ${word(route.metric ?? 1024)} ${word(1)} ${word(0)} ${word(flags)} ${(hop?.dev ?? 'lo').padStart(8)}\n`;
    })
    .join('');
}
