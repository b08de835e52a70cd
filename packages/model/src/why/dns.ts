/** `why POD dns:NAME`: is the name found, and if not, whose fault is it: the name's, the resolver's settings, or the way to the server. */
import { parseAddress } from '@podwire/engine';
import { API_VERSION, type Hint } from '../answer/answer.ts';
import type { DnsLookupAnswer } from '../answer/dns-answer.ts';
import { dumpedNodeResolvConf } from '../answer/dns-asking.ts';
import { lookUpDns } from '../answer/dns-lookup.ts';
import { dnsSymptom } from '../answer/dns-words.ts';
import { podOf } from '../answer/pod-of.ts';
import { objectRef, type Provenance, provenanceOf } from '../answer/provenance.ts';
import type { Session } from '../answer/session.ts';
import type { Placed } from '../cluster/cluster.ts';
import { clusterDnsOf } from '../dns/cluster-dns.ts';
import { parseResolvConf } from '../dns/resolv-conf.ts';
import { resolveName } from '../dns/resolve-name.ts';
import type { Pod } from '../objects/kube.ts';
import type { Fault, WhyAnswer, WhyVerdict } from './answer.ts';
import { makerOf } from './maker.ts';

export interface WhyDnsQuestion {
  from: string;
  name: string;
  namespace?: string;
}

interface Looking {
  session: Session;
  provenance: Provenance;
  key: string;
  pod: Placed<Pod>;
  answer: DnsLookupAnswer;
}

function faultOfHint({ code, text, mend, object }: Hint, { key, pod, provenance }: Looking): Fault {
  const rest = { link: 'dns' as const, code, text, ...(mend !== undefined && { mend }) };
  // Who asks by the short name stands in another namespace than the Service.
  if (code === 'name-in-other-namespace')
    return { ...rest, object: objectRef(provenance, pod, ['metadata', 'namespace']) };
  if (code === 'wrong-cluster-dns') return { ...rest, setting: 'kubelet --cluster-dns (clusterDNS)' };
  if (code === 'node-resolver') return { ...rest, object: makerOf(pod, provenance, ['spec', 'dnsPolicy']) };
  // The object is the one that may be meant: at fault is what was asked for.
  if (code === 'similar-name' || code === 'no-such-namespace')
    return { ...rest, setting: `the name asked for by ${key}` };
  return { ...rest, ...(object && { object }), ...(!object && { setting: `the name asked for by ${key}` }) };
}

/** A name that leads on to an address as if that were a name. */
function aliasFault({ session, provenance, answer }: Looking): Fault | undefined {
  const keys = answer.attempts.map(({ name }) => name.toLowerCase().split('.').slice(0, 2).reverse().join('/'));
  const service = keys.map((key) => session.cluster.services.get(key)).find((placed) => placed !== undefined);
  const target = service?.object.spec.externalName;
  const isAlias = service?.object.spec.type === 'ExternalName' && target !== undefined;
  if (!service || !isAlias || !parseAddress(target.replace(/\.$/, ''))) return undefined;
  return {
    link: 'dns',
    code: 'external-name-address',
    text: `externalName is ${target}, which looks like an address, but DNS takes it for a name: nobody has a name like that.`,
    object: objectRef(provenance, service, ['spec', 'externalName']),
    mend: `Use a Service without selector and an EndpointSlice with ${target}.`,
  };
}

/** `db-0.db`: pods of a StatefulSet have names below the Service alone that it names. */
function governingFault({ session, provenance, answer, key }: Looking): Fault | undefined {
  if (answer.result === 'found') return undefined;
  const [pod = '', service = '', third] = answer.question.name.toLowerCase().split('.');
  const namespace = third === undefined || third === 'svc' ? (key.split('/')[0] as string) : third;
  const set = session.cluster.workloads.get(`StatefulSet ${namespace}/${pod.replace(/-\d+$/, '')}`);
  const governing = set?.object.spec.serviceName as string | undefined;
  if (!set || !/-\d+$/.test(pod)) return undefined;
  if (governing === service) return undefined;
  return {
    link: 'dns',
    code: 'governing-service',
    text: `StatefulSet ${namespace}/${set.object.metadata.name} names ${governing ? `Service ${governing}` : 'no Service'} in serviceName, so ${pod} has a name below that one alone, not below ${service}.`,
    object: objectRef(provenance, set, ['spec', 'serviceName']),
    mend: `Set serviceName: ${service} (a StatefulSet has to be made anew for it)${governing ? `, or ask for ${pod}.${governing}` : ''}.`,
  };
}

/** With the search paths and `ndots` that the kubelet writes, the name would be found. */
function searchFault({ session, provenance, answer, key, pod }: Looking): Fault | undefined {
  const { source, searches, options } = answer.resolvConf;
  if (answer.result === 'found' || source === 'host') return undefined;
  const usual = resolveName(session.cluster, answer.question.name, { namespace: key.split('/')[0] as string });
  const ndots = options.find((option) => option.startsWith('ndots:'));
  const isUsual = ndots === 'ndots:5' && searches.some((path) => path.startsWith('svc.'));
  if (!usual || isUsual) return undefined;
  const fromSpec = pod.object.spec.dnsConfig !== undefined;
  const what = `${searches.length === 0 ? 'no search paths' : `search ${searches.join(' ')}`}, ${ndots ?? 'ndots:1'}`;
  return {
    link: 'dns',
    code: 'search-paths',
    text: `${answer.question.name} is a name of the cluster, and the pod's resolver does not complete it: it has ${what}.`,
    ...(fromSpec
      ? { object: makerOf(pod, provenance, ['spec', 'dnsConfig']) }
      : { setting: `resolv.conf of ${key}: ${what}` }),
    mend: `Ask for the whole name with its namespace and domain, or leave ndots and the search paths to the kubelet (dnsPolicy: ClusterFirst).`,
  };
}

/** The pod asks a server that is none of the cluster DNS's. */
function serverFault({ session, answer }: Looking): Fault | undefined {
  const dns = clusterDnsOf(session.cluster);
  const real = dns.service === undefined ? undefined : session.cluster.services.get(dns.service)?.object;
  const ip = real?.spec.clusterIPs?.[0];
  const other = answer.servers.find(
    ({ kind, service }) => kind === 'other' && service !== undefined && service !== dns.service,
  );
  if (!other || ip === undefined) return undefined;
  return {
    link: 'dns',
    code: 'wrong-nameserver',
    text: `The pod's nameserver ${other.address} is Service ${other.service}, not the cluster DNS: that is Service ${dns.service}, ${ip}.`,
    setting: `kubelet --cluster-dns=${other.address}`,
    mend: `Start the kubelets with --cluster-dns=${ip} (clusterDNS), and the pods anew.`,
  };
}

/** CoreDNS has its node's resolv.conf, and in a pod a loopback address is the pod itself. */
function upstreamFault({ session, answer }: Looking): Fault | undefined {
  if (answer.result !== 'unknown' && answer.result !== 'try-again') return undefined;
  const { service } = clusterDnsOf(session.cluster);
  const slices = service === undefined ? [] : (session.cluster.endpointSlices.get(service) ?? []);
  for (const { object } of slices) {
    for (const { nodeName } of object.endpoints ?? []) {
      const text = dumpedNodeResolvConf(session, nodeName ?? undefined);
      const conf = text === undefined ? undefined : parseResolvConf(text);
      const loopback = conf && !('error' in conf) ? conf.nameservers.find((a) => /^127\.|^::1$/.test(a)) : undefined;
      if (loopback === undefined) continue;
      return {
        link: 'dns',
        code: 'upstream-loopback',
        text: `CoreDNS on ${nodeName} forwards names outside to ${loopback}, which it took from the node's resolv.conf; inside its pod that is CoreDNS itself.`,
        setting: `kubelet --resolv-conf on ${nodeName} (nameserver ${loopback})`,
        mend: 'Start the kubelet with --resolv-conf=/run/systemd/resolve/resolv.conf, or name a server in the forward line of the Corefile.',
      };
    }
  }
  return undefined;
}

/** A resolver that knows no names of the cluster does no harm to a name outside. */
function matters({ code }: Hint, { session, answer, key }: Looking): boolean {
  if (code !== 'node-resolver') return true;
  return resolveName(session.cluster, answer.question.name, { namespace: key.split('/')[0] as string }) !== undefined;
}

/** All that may be wrong, the likeliest first. `below`: why the questions do not arrive. */
function faultsOf(looking: Looking, below: Fault | undefined): Fault[] {
  const { answer } = looking;
  const special = [
    aliasFault(looking),
    serverFault(looking),
    upstreamFault(looking),
    governingFault(looking),
    searchFault(looking),
  ].filter((fault) => fault !== undefined);
  const hints =
    answer.result === 'found'
      ? []
      : answer.hints.filter((hint) => matters(hint, looking)).map((hint) => faultOfHint(hint, looking));
  return [...special, ...hints, ...(below ? [below] : [])];
}

const VERDICTS: Readonly<Record<DnsLookupAnswer['result'], WhyVerdict>> = {
  found: 'delivered',
  'no-such-name': 'no-such-name',
  'no-address': 'no-such-name',
  'try-again': 'no-such-name',
  'no-answer': 'dropped',
  unknown: 'unknown',
};

/** Faults by which a name is not found, whatever a server outside might say. */
const NAMED = new Set([
  'external-name-address',
  'upstream-loopback',
  'node-resolver',
  'governing-service',
  'search-paths',
]);

/** What the questions meet on their way, where they do not arrive. */
type Below = Pick<WhyAnswer, 'verdict' | 'reason' | 'fault' | 'chain' | 'unseen'>;

/** Names outside are answered by somebody outside: that the question gets there is all that is to know. */
function leavesCluster({ attempts, servers, question }: DnsLookupAnswer): boolean {
  // Nobody outside has a name without a dot.
  if (!question.name.replace(/\.$/, '').includes('.')) return false;
  const last = attempts.at(-1);
  const isForwarded = last?.questions.every(({ unknown }) => unknown !== undefined) ?? false;
  const others = attempts.slice(0, -1).every(({ outcome }) => outcome === 'no-name' || outcome === 'no-data');
  const arrive = servers.every(({ traffic = [] }) => traffic.every(({ verdict }) => verdict === 'delivered'));
  return isForwarded && others && arrive;
}

function reasonOf(verdict: WhyVerdict): string {
  if (verdict === 'delivered') return 'name-found';
  return verdict === 'unknown' ? 'name-not-known-here' : 'no-such-name';
}

function verdictOf(answer: DnsLookupAnswer, fault: Fault | undefined): WhyVerdict {
  if (answer.result !== 'unknown') return VERDICTS[answer.result];
  if (!fault && leavesCluster(answer)) return 'delivered';
  return fault ? 'no-such-name' : 'unknown';
}

/** `ask`: `why` for the way to a server. */
export function whyDns(
  session: Session,
  question: WhyDnsQuestion,
  ask: (from: string, to: string) => Below,
): WhyAnswer {
  const { from, name, namespace } = question;
  const { key, pod } = podOf(session, from, namespace);
  const answer = lookUpDns(session, question);
  const provenance = provenanceOf(session.cluster, session.read);
  const lost = answer.servers.flatMap(({ traffic = [] }) => traffic).find(({ verdict }) => verdict !== 'delivered');
  const below =
    answer.result === 'no-answer' && lost ? ask(lost.from, `udp:${lost.to.replace(/^udp:/, '')}`) : undefined;
  const looking: Looking = { session, provenance, key, pod, answer };
  const [fault, ...also] = faultsOf(looking, below?.fault);
  const isNamed = fault !== undefined && NAMED.has(fault.code);
  const verdict = isNamed ? 'no-such-name' : (below?.verdict ?? verdictOf(answer, fault));
  const symptom =
    verdict === 'delivered'
      ? undefined
      : (answer.symptom ?? (verdict === 'no-such-name' ? dnsSymptom('glibc', 'no-such-name') : undefined));
  const settled = verdict === 'delivered' ? undefined : fault;
  const attempt = answer.attempts.find(({ outcome }) => outcome === 'found') ?? answer.attempts.at(-1);
  const what = answer.addresses.length > 0 ? answer.addresses.join(', ') : (attempt?.name ?? name);
  return {
    apiVersion: API_VERSION,
    kind: 'Why',
    question: {
      from,
      to: `dns:${name}`,
      protocol: 'udp',
      port: 53,
      connection: 'new',
      ...(namespace !== undefined && { namespace }),
    },
    verdict,
    reason: below?.reason ?? reasonOf(verdict),
    summary:
      below && fault
        ? `DNS fails for a lower cause, whatever the name: ${fault.text}`
        : (settled?.text ?? answer.summary),
    ...(symptom !== undefined && { symptom }),
    chain: [
      {
        link: 'dns',
        status: settled ? 'broken' : 'ok',
        text: settled?.setting ?? `${name} → ${what}`,
        ...(settled?.object && { object: settled.object }),
      },
      ...(below?.chain ?? []),
    ],
    ...(settled && { fault: settled }),
    also: settled ? also : [],
    unseen: [
      ...answer.notes.flatMap(({ kind, code, text, settle }) =>
        kind !== 'intended' && settle !== undefined ? [{ code, what: text, command: settle }] : [],
      ),
      ...(below?.unseen ?? []),
    ],
  };
}
