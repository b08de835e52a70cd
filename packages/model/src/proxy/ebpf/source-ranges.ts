/** Prefixes of `loadBalancerSourceRanges` as Go's netip prints them: canonical, host bits kept. */
import { formatPrefix, parsePrefix } from '@podwire/engine';
import type { IPFamily } from '../../objects/kube.ts';

/** Undefined for what is no prefix; Cilium passes over those. */
export function canonicalPrefix(text: string): string | undefined {
  const prefix = parsePrefix(text);
  return text.includes('/') && prefix ? formatPrefix(prefix) : undefined;
}

export function prefixFamily(prefix: string): IPFamily {
  return prefix.includes(':') ? 'IPv6' : 'IPv4';
}
