/** Ranges of addresses that must not meet: of pods, of Services, of the nodes' own network. */
import { containsAddress, type IpPrefix, parseAddress, parsePrefix } from '@podwire/engine';
import { objectRef } from '../answer/provenance.ts';
import { nodePodCIDRs } from '../cluster/pod-cidrs.ts';
import { nodeIPs } from '../objects/pod-facts.ts';
import type { Finding } from './answer.ts';
import type { Looking } from './look.ts';

function meet(a: IpPrefix, b: IpPrefix): boolean {
  return containsAddress(a, b) || containsAddress(b, a);
}

function prefixes(texts: readonly string[]): { text: string; prefix: IpPrefix }[] {
  return texts.flatMap((text) => {
    const prefix = parsePrefix(text);
    return prefix ? [{ text, prefix }] : [];
  });
}

export function checkRanges({ session, provenance }: Looking): Finding[] {
  const { settings, nodes } = session.cluster;
  const pods = settings.podCIDRs.how === 'assumed' ? [] : prefixes(settings.podCIDRs.value);
  const services = settings.serviceCIDRs.how === 'assumed' ? [] : prefixes(settings.serviceCIDRs.value);
  const found: Finding[] = [];
  for (const pod of pods) {
    for (const service of services) {
      if (!meet(pod.prefix, service.prefix)) continue;
      const text = `The pod range ${pod.text} and the Service range ${service.text} overlap: some pods have addresses that kube-proxy takes for Services.`;
      found.push({ rank: 'broken', code: 'range-overlap', text, setting: `${pod.text} and ${service.text}` });
    }
  }
  const own: { name: string; text: string; prefix: IpPrefix }[] = [];
  for (const [name, placed] of nodes) {
    if (!placed.origin) continue;
    for (const text of nodePodCIDRs(placed.object)) {
      const prefix = parsePrefix(text);
      if (!prefix) continue;
      const other = own.find((one) => one.name !== name && meet(one.prefix, prefix));
      if (other)
        found.push({
          rank: 'broken',
          code: 'range-twice',
          text: `Nodes ${other.name} and ${name} have overlapping pod ranges, ${other.text} and ${text}.`,
          object: objectRef(provenance, placed, ['spec', 'podCIDRs']),
        });
      own.push({ name, text, prefix });
    }
    for (const address of Object.values(nodeIPs(placed.object))) {
      const parsed = parseAddress(address);
      const range = [...pods, ...services].find(
        ({ prefix }) => parsed !== undefined && containsAddress(prefix, parsed),
      );
      if (!range) continue;
      found.push({
        rank: 'broken',
        code: 'range-overlap',
        text: `The address ${address} of node ${name} lies in ${range.text}, which is for pods or Services.`,
        mend: 'Give pods and Services ranges that no network around them uses.',
        object: objectRef(provenance, placed, ['status', 'addresses']),
      });
    }
  }
  return found;
}
