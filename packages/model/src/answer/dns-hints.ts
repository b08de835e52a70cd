/** What would make a name resolve, and what was probably meant. */
import { suggest } from '../objects/suggest.ts';
import { isLoopback } from '../pod/listen.ts';
import type { Hint } from './answer.ts';
import { asksItself, type DnsAsking, isMistaken } from './dns-asking.ts';
import type { DnsFindings } from './dns-words.ts';
import { objectRef } from './provenance.ts';

const FAILED = new Set(['no-such-name', 'no-address']);

/** The Service that the name's first labels mean, if it exists somewhere. */
function otherNames({ session, asked, key, provenance }: DnsAsking): Hint[] {
  const { services } = session.cluster;
  const [name = '', namespace] = asked.name.replace(/\.$/, '').toLowerCase().split('.');
  const home = key.split('/')[0] as string;
  const inHome = services.get(`${namespace ?? home}/${name}`);
  if (inHome) {
    const isHeadless = inHome.object.spec.clusterIP === 'None';
    if (!isHeadless) return [];
    return [
      {
        code: 'headless-without-endpoints',
        text: `Service ${namespace ?? home}/${name} is headless: its name is its ready endpoints', and it has none.`,
        mend: 'Make a pod ready that its selector matches, or set publishNotReadyAddresses.',
        object: objectRef(provenance, inHome, ['spec', 'selector']),
      },
    ];
  }
  if (namespace !== undefined && !session.cluster.namespaces.has(namespace)) {
    const near = suggest(namespace, session.cluster.namespaces.keys(), (n) => n)[0];
    const exists = services.has(`${home}/${name}`) ? ` Service ${name} is in namespace ${home}.` : '';
    return near === undefined && exists === ''
      ? []
      : [
          {
            code: 'no-such-namespace',
            text: `There is no namespace ${namespace}.${exists}`,
            mend: near === undefined ? `Ask for ${name}.` : `Ask for ${name}.${near}.`,
          },
        ];
  }
  const elsewhere = [...services].filter(([k]) => k.endsWith(`/${name}`));
  if (elsewhere.length > 0) {
    return elsewhere.slice(0, 3).map(([k, placed]) => ({
      code: 'name-in-other-namespace',
      text: `${name} is a Service of namespace ${k.split('/')[0]}; pods of ${home} do not find it by that name alone.`,
      mend: `Ask for ${name}.${k.split('/')[0]}.`,
      object: objectRef(provenance, placed),
    }));
  }
  const near = suggest(
    name,
    [...services.keys()].filter((k) => k.startsWith(`${namespace ?? home}/`)),
    (k) => k.split('/')[1] as string,
  )[0];
  const placed = near === undefined ? undefined : services.get(near);
  return placed
    ? [
        {
          code: 'similar-name',
          text: `There is no Service ${name} in namespace ${namespace ?? home}.`,
          mend: `Did you mean ${placed.object.metadata.name}?`,
          object: objectRef(provenance, placed),
        },
      ]
    : [];
}

/** A pod that asks its node's servers learns no name of the cluster. */
function policyHint({ conf, pod, provenance }: DnsAsking): Hint[] {
  if (conf.type !== 'host') return [];
  const { hostNetwork, dnsPolicy } = pod.object.spec;
  const isFallback = hostNetwork && dnsPolicy !== 'Default';
  return [
    {
      code: 'node-resolver',
      text: isFallback
        ? "The pod is in the node's network: its dnsPolicy ClusterFirst means the node's own resolv.conf, which knows no names of the cluster."
        : "dnsPolicy Default means the node's own resolv.conf, which knows no names of the cluster.",
      mend: hostNetwork ? 'Set dnsPolicy: ClusterFirstWithHostNet.' : 'Set dnsPolicy: ClusterFirst.',
      object: objectRef(provenance, pod, ['spec', 'dnsPolicy']),
    },
  ];
}

function addressHint(asking: DnsAsking): Hint[] {
  const { dns, session, conf } = asking;
  const wrong = conf.nameservers.find((address) => isMistaken(asking, address));
  if (wrong === undefined) return [];
  const real = [...session.cluster.services].find(([key]) => /\/(kube-dns|coredns|rke2-coredns)/.test(key));
  const ip = real?.[1].object.spec.clusterIP;
  return [
    {
      code: 'wrong-cluster-dns',
      text: `Kubelets are told ${wrong} (${dns.addresses.why}), but no Service has that address; Service ${real?.[0]} has ${ip}.`,
      mend: `Set clusterDNS of the kubelets to ${ip}, and start the pods anew.`,
    },
  ];
}

/** Kubelets and the cluster DNS are set up apart. */
function domainHint({ session, conf }: DnsAsking, { resolution }: DnsFindings): Hint[] {
  const { kubeletDomain, clusterDomain } = session.cluster.settings;
  if (!kubeletDomain || conf.type !== 'cluster' || kubeletDomain.value === clusterDomain.value) return [];
  // The cluster DNS may serve several domains.
  const questions = resolution.attempts.flatMap((attempt) => attempt.questions);
  if (questions.some(({ answer }) => answer.by === 'kubernetes')) return [];
  return [
    {
      code: 'domain-mismatch',
      text: `Kubelets put ${kubeletDomain.value} behind names (${kubeletDomain.why}), but the cluster DNS serves ${clusterDomain.value} (${clusterDomain.why}).`,
      mend: `Set clusterDomain of the kubelets to ${clusterDomain.value}, and start the pods anew.`,
    },
  ];
}

/** On its own localhost a pod with a network of its own has no server, unless one of its containers is one. */
function loopbackHint(asking: DnsAsking): Hint[] {
  const address = asking.conf.nameservers.find(isLoopback);
  if (address === undefined || !asksItself(asking)) return [];
  return [
    {
      code: 'loopback-nameserver',
      text: `The nameserver ${address} is the pod itself: what listens there on the node is not in the pod's network.`,
      mend: 'Point resolvConf of the kubelet at a file with the real servers: with systemd-resolved /run/systemd/resolve/resolv.conf.',
    },
  ];
}

/** No server of the cluster has the name: nothing was found, and at most somebody outside may know it. */
function isNoClusterName({ result, resolution, object }: DnsFindings): boolean {
  const left = resolution.attempts.every(({ outcome }) => outcome === 'no-name' || outcome === 'unknown');
  return FAILED.has(result) || (result === 'unknown' && object === undefined && left);
}

export function dnsHints(asking: DnsAsking, findings: DnsFindings): Hint[] {
  const { result } = findings;
  return [
    ...addressHint(asking),
    ...loopbackHint(asking),
    ...(result === 'found' ? [] : domainHint(asking, findings)),
    ...(result === 'found' ? [] : policyHint(asking)),
    ...(isNoClusterName(findings) && !asking.asked.type ? otherNames(asking) : []),
  ];
}
