/** `reject`: what it answers with, and which packets can be rejected so (nftables' stmt_evaluate_reject). */
import { NftRefusal } from '../base/refusal.ts';
import type { NftReject } from '../syntax.ts';
import { parseScalar } from '../tables/codec.ts';
import { types } from '../tables/datatypes.ts';
import { headerNamed } from '../tables/headers.ts';
import type { Evaluator } from './evaluator.ts';

type Type = 'tcp reset' | 'icmp' | 'icmpv6' | 'icmpx';

const CODES = { icmp: types.icmpCode, icmpv6: types.icmpv6Code, icmpx: types.icmpxCode } as const;
export const PORT_UNREACHABLE = { icmp: 3, icmpv6: 4, icmpx: 1 } as const;

function code(type: keyof typeof CODES, given: string | number): number {
  const value = parseScalar(given, CODES[type]);
  if (typeof value !== 'bigint' || value > 255n) throw new NftRefusal(`invalid ${type} code "${given}"`);
  return Number(value);
}

/** What a bare `reject` means. */
function byDefault(at: Evaluator): 'icmp' | 'icmpv6' | 'icmpx' {
  const { family } = at.scope;
  if (family === 'ip') return 'icmp';
  if (family === 'ip6') return 'icmpv6';
  const network = at.known.layers.nh?.name;
  if (network === 'ip') return 'icmp';
  return network === 'ip6' ? 'icmpv6' : 'icmpx';
}

function checkFamily(at: Evaluator, type: Type): void {
  const { family } = at.scope;
  if (family === 'arp') throw new NftRefusal('cannot use reject with arp');
  const version = type === 'icmp' ? 'ip' : type === 'icmpv6' ? 'ip6' : undefined;
  if (family === 'ip' || family === 'ip6') {
    if (type === 'icmpx') throw new NftRefusal('abstracted ICMP unreachable not supported');
    if (version !== undefined && version !== family) throw new NftRefusal('conflicting protocols specified: ip vs ip6');
    return;
  }
  const network = at.known.layers.nh?.name;
  const link = at.known.layers.ll?.name;
  if (family !== 'inet' && !['ether', 'vlan', 'netdev'].includes(link ?? ''))
    throw new NftRefusal('cannot reject from this link layer protocol');
  if (network === undefined) return;
  const internet = network === 'ip' || network === 'ip6';
  if (!internet && (family !== 'inet' || version !== undefined))
    throw new NftRefusal('cannot reject this network family');
  if (version !== undefined && version !== network) throw new NftRefusal('conflicting protocols specified: ip vs ip6');
}

/** Adds, in front of the rule, the test that only such packets come here. */
function restrict(at: Evaluator, type: Type): void {
  const { family } = at.scope;
  if (type === 'tcp reset') {
    if (!at.known.layers.th) at.first(() => at.needs.require(headerNamed('tcp')));
    return;
  }
  if (type === 'icmpx' || family === 'ip' || family === 'ip6' || at.known.layers.nh) return;
  at.first(() => at.needs.require(headerNamed(type === 'icmp' ? 'ip' : 'ip6')));
}

export function evaluateReject(at: Evaluator, { reject }: NftReject): void {
  const said = reject?.type;
  const type: Type = said ?? byDefault(at);
  if (type === 'tcp reset') {
    const transport = at.known.layers.th?.name;
    if (transport !== undefined && transport !== 'tcp')
      throw new NftRefusal('you cannot use tcp reset with this protocol');
    checkFamily(at, type);
    restrict(at, type);
    at.push({ is: 'reject', type });
    return;
  }
  const given = reject?.expr;
  if (given !== undefined && typeof given !== 'string' && typeof given !== 'number')
    throw new NftRefusal('invalid ICMP code');
  const value = given === undefined ? PORT_UNREACHABLE[type] : code(type, given);
  checkFamily(at, type);
  restrict(at, type);
  at.push({ is: 'reject', type, code: value });
}
