/** `route -n`, `netstat -rn` and `route -6 -n` (net-tools' lib/inet_gr.c, inet6_gr.c). */
import { formatPrefix, networkOf, parseAddress, parsePrefix, type Route } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, wholeNumber, wordsOf } from '../lines.ts';
import { lengthOf, maskText } from './hex.ts';
import type { ReadRoutes } from './route.ts';

const HEADERS = /^(Kernel IP(v6)? routing|Destination\s+(Gateway|Next Hop))/;

function row4(words: readonly string[]): Route {
  const [to = '', gateway = '', mask = '', flags = '', metric] = words;
  const dev = words[7];
  // `-ee` has three columns more.
  if (dev === undefined || ![8, 11].includes(words.length) || !/^[A-Z!]+$/.test(flags))
    throw new RangeError('no route');
  const prefix = parsePrefix(`${to === 'default' ? '0.0.0.0' : to}/${lengthOf(mask)}`);
  if (!prefix) throw new RangeError(`"${to}" is no destination`);
  // `netstat -rn` has the segment size where `route -n` has the metric.
  const number = wholeNumber(metric, 'metric');
  const isReject = flags.includes('!');
  const hasGateway = flags.includes('G');
  if (hasGateway && !parseAddress(gateway)) throw new RangeError(`"${gateway}" is no address`);
  return {
    family: 4,
    type: isReject ? 'unreachable' : 'unicast',
    destination: formatPrefix(networkOf(prefix)),
    ...(number !== 0 && { metric: number }),
    scope: hasGateway || isReject ? 'global' : 'link',
    nexthops: isReject ? [] : [{ dev, ...(hasGateway && { via: gateway }) }],
  };
}

function row6(words: readonly string[]): Route | undefined {
  const [to = '', gateway = '', flags = '', metric, , , dev] = words;
  if (dev === undefined || words.length !== 7) throw new RangeError('no route');
  // `[default]` and addresses that hold an IPv4 one are written in ways of their own.
  const written = to.replace(/^\[(.*)\]/, '$1').replace(/^(default|0\.0\.0\.0)(?=\/)/, '::');
  const prefix = parsePrefix(written.replace(/^::ffff:0\.0\.0\.0\//, '::ffff:0:0/'));
  if (!prefix) throw new RangeError(`"${to}" is no destination`);
  // The kernel's own last route, addresses of the host, multicast: the local table has them.
  const destination = formatPrefix(networkOf(prefix));
  if ((flags.includes('!') && metric === '-1') || flags.includes('n') || flags.includes('l')) return undefined;
  if (destination === 'ff00::/8') return undefined;
  const via = gateway === '::' || gateway === '[::]' ? undefined : gateway;
  const isReject = flags.includes('!');
  return {
    family: 6,
    type: isReject ? 'unreachable' : 'unicast',
    destination,
    metric: wholeNumber(metric, 'metric'),
    scope: 'global',
    nexthops: isReject ? [] : [{ dev, ...(via !== undefined && { via }) }],
  };
}

export function readRouteN(text: string, options: LineOptions = {}): ReadRoutes {
  const problems: Problem[] = [];
  const routes: Route[] = [];
  let isIPv6 = false;
  let hasMetric = true;
  eachLine(linesOf(text, options), 'route', problems, options, ({ text: line }) => {
    if (HEADERS.test(line)) {
      if (line.startsWith('Destination')) {
        isIPv6 = line.includes('Next Hop');
        hasMetric = line.includes('Metric') || isIPv6;
      }
      return;
    }
    const words = wordsOf(line);
    const route = isIPv6 ? row6(words) : row4(hasMetric ? words : words.with(4, '0'));
    if (route) routes.push(route);
  });
  return { routes, problems };
}

/** `route -n`: unicast and rejecting routes of IPv4. */
export function printRouteN(routes: readonly Route[]): string {
  const rows = routes
    .filter((route) => route.family === 4 && ['unicast', 'unreachable'].includes(route.type))
    .map((route) => {
      const [address = '', length = ''] = route.destination.split('/');
      const [hop] = route.nexthops;
      const isReject = route.type === 'unreachable';
      const flags = `${isReject ? '!' : 'U'}${hop?.via === undefined ? '' : 'G'}${length === '32' ? 'H' : ''}`;
      const gateway = isReject ? '-' : (hop?.via ?? '0.0.0.0');
      const metric = String(route.metric ?? 0).padEnd(6);
      return `${address.padEnd(15)} ${gateway.padEnd(15)} ${maskText(Number(length)).padEnd(15)} ${flags.padEnd(5)} ${metric} 0        0 ${hop?.dev ?? '-'}\n`;
    });
  const titles = 'Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n';
  return `Kernel IP routing table\n${titles}${rows.join('')}`;
}
