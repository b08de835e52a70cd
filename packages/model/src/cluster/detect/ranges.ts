/** The pod and service networks of the cluster: from its configuration, else from the addresses that its objects have. */
import {
  containsAddress,
  type Family,
  formatAddress,
  formatPrefix,
  type IpAddress,
  parseAddress,
} from '@podwire/engine';
import { canonicalCIDR, covering, familyName, familyOf, onePerFamily, parseCIDR } from '../../net/cidr.ts';
import type { IPFamily } from '../../objects/kube.ts';
import type { Setting } from '../cluster.ts';
import type { Collected } from '../collect.ts';
import { choose, type Finding } from './setting.ts';

/** What kubeadm's documentation and kind use. */
const DEFAULT_POD_CIDRS: Record<IPFamily, string> = { IPv4: '10.244.0.0/16', IPv6: 'fd00:10:244::/56' };
const DEFAULT_SERVICE_CIDRS: Record<IPFamily, string> = { IPv4: '10.96.0.0/12', IPv6: 'fd00:10:96::/112' };

/** Service networks by the address of Service `kubernetes`, which is the first of its network: kubeadm, k3s, EKS, AKS, GKE, kOps, OpenShift, MicroK8s. */
const KNOWN_SERVICE_CIDRS = [
  '10.96.0.0/12',
  '10.43.0.0/16',
  '10.100.0.0/16',
  '172.20.0.0/16',
  '10.0.0.0/16',
  '34.118.224.0/20',
  '100.64.0.0/13',
  '172.30.0.0/16',
  '10.152.183.0/24',
].map((text) => ({ text, first: formatAddress(firstOf(text)) }));

function firstOf(cidr: string): IpAddress {
  const prefix = parseCIDR(cidr);
  if (!prefix) throw new Error(`${cidr} is no prefix`);
  return { family: prefix.family, words: [prefix.words[0], prefix.words[1], prefix.words[2], prefix.words[3] + 1] };
}

function addressesOf(texts: Iterable<string | undefined>, family: IPFamily): IpAddress[] {
  const found: IpAddress[] = [];
  for (const text of texts) {
    const address = text === undefined ? undefined : parseAddress(text);
    if (address && familyName(address.family) === family) found.push(address);
  }
  return found;
}

/** Findings give whole lists; each family takes the first list that has it. */
function perFamily(findings: readonly Finding<string[]>[], family: IPFamily): Finding<string>[] {
  return findings.flatMap(({ value, ...rest }) => {
    const cidr = onePerFamily(value).find((c) => familyOf(c) === family);
    return cidr === undefined ? [] : [{ value: cidr, ...rest }];
  });
}

/** One setting for all families. What is said counts as said only if every family is. */
function joined(given: string[] | undefined, option: string, settings: readonly Setting<string>[]): Setting<string[]> {
  if (given) return { value: given.map((g) => canonicalCIDR(g) ?? g), how: 'given', why: option };
  const [first] = settings;
  const weakest = settings.find((s) => s.how === 'assumed') ?? first;
  return {
    value: settings.map((s) => s.value),
    how: weakest?.how ?? 'assumed',
    why: [...new Set(settings.map((s) => s.why))].join('; '),
    ...(weakest?.origin && { origin: weakest.origin }),
  };
}

/** No network of a cluster is wider: 10.0.0.0/8 is the largest private one. What needs more is several networks. */
const WIDEST: Record<Family, number> = { 4: 8, 6: 16 };

/** Of the networks of that length the one that holds most of the addresses; of several the first. */
function fullest(seen: readonly IpAddress[], length: number): IpAddress[] {
  const groups = new Map<string, IpAddress[]>();
  for (const address of seen) {
    const network = covering([address], length);
    const key = network ? formatPrefix(network) : '';
    groups.set(key, [...(groups.get(key) ?? []), address]);
  }
  return [...groups.values()].reduce((best, next) => (next.length > best.length ? next : best), []);
}

/** Wider than what was seen, as pod networks are: a /16 or a /56, unless the default network holds it all. */
function guess(
  seen: readonly IpAddress[],
  fallback: string,
  longest: number,
  what: string,
  family: IPFamily,
): Finding<string> {
  const usual = parseCIDR(fallback);
  const wide = covering(seen, longest);
  if (!usual || !wide || seen.every((a) => containsAddress(usual, a))) {
    return {
      value: fallback,
      why:
        seen.length > 0 ? `the usual network that holds ${what}` : `nothing shows the ${family} network: the usual one`,
    };
  }
  if (wide.length < WIDEST[wide.family])
    return guess(fullest(seen, longest), fallback, longest, `most of ${what}`, family);
  return { value: formatPrefix(wide), why: `holds ${what}` };
}

function podTexts(collected: Collected): (string | undefined)[] {
  const pods = [...collected.pods.values()].filter((p) => !p.object.spec.hostNetwork);
  return pods.flatMap(({ object: { status } }) => [status?.podIP, ...(status?.podIPs ?? []).map((i) => i.ip)]);
}

export function podNetwork(
  collected: Collected,
  findings: readonly Finding<string[]>[],
  families: readonly IPFamily[],
  given: string[] | undefined,
): Setting<string[]> {
  const settings = families.map((family) => {
    const ofNodes = [...collected.nodes.values()].flatMap((n) => n.object.spec?.podCIDRs ?? [n.object.spec?.podCIDR]);
    const networks = addressesOf(
      ofNodes.map((c) => (c?.includes('/') ? c.slice(0, c.indexOf('/')) : undefined)),
      family,
    );
    return choose(undefined, '', perFamily(findings, family), () => {
      const seen = networks.length > 0 ? networks : addressesOf(podTexts(collected), family);
      const what = networks.length > 0 ? `the podCIDRs of ${networks.length} Nodes` : 'the addresses of the Pods';
      return guess(seen, DEFAULT_POD_CIDRS[family], family === 'IPv4' ? 16 : 56, what, family);
    });
  });
  return joined(given, '--pod-cidr', settings);
}

export function serviceNetwork(
  collected: Collected,
  findings: readonly Finding<string[]>[],
  families: readonly IPFamily[],
  given: string[] | undefined,
): Setting<string[]> {
  const api = collected.services.get('default/kubernetes')?.object.spec;
  const settings = families.map((family) => {
    const seen = addressesOf(
      [...collected.services.values()].flatMap((s) => [s.object.spec.clusterIP, ...(s.object.spec.clusterIPs ?? [])]),
      family,
    );
    const ofApi = addressesOf([api?.clusterIP, ...(api?.clusterIPs ?? [])], family)[0];
    return choose(undefined, '', perFamily(findings, family), () => {
      const known = ofApi && KNOWN_SERVICE_CIDRS.find((k) => k.first === formatAddress(ofApi));
      const prefix = known && parseCIDR(known.text);
      if (known && prefix && seen.every((a) => containsAddress(prefix, a))) {
        return {
          value: known.text,
          why: `Service default/kubernetes has ${known.first}, the first address of this usual network`,
        };
      }
      return guess(
        seen,
        DEFAULT_SERVICE_CIDRS[family],
        family === 'IPv4' ? 16 : 112,
        'the cluster IPs of the Services',
        family,
      );
    });
  });
  return joined(given, '--service-cidr', settings);
}
