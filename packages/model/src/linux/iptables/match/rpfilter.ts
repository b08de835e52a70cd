/** `-m rpfilter`: net/ipv4/netfilter/ipt_rpfilter.c, net/ipv6/netfilter/ip6t_rpfilter.c. */
import type { Match } from '@podwire/engine';

export function printRpfilter(match: Extract<Match, { kind: 'rpfilter' }>): string {
  return (
    '-m rpfilter' +
    (match.loose ? ' --loose' : '') +
    (match.validMark ? ' --validmark' : '') +
    (match.acceptLocal ? ' --accept-local' : '') +
    (match.not ? ' --invert' : '')
  );
}
