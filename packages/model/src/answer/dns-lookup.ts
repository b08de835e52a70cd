/** `dns`: what a pod's resolver asks for a name, what it is answered, and whether the questions arrive. */
import type { Placed } from '../cluster/cluster.ts';
import { type Attempt, type Resolution, resolve } from '../dns/client.ts';
import { type ClusterDns, clusterDnsOf } from '../dns/cluster-dns.ts';
import { hostsAddresses } from '../dns/hosts-file.ts';
import { absolute, reverseName } from '../dns/names.ts';
import { parseResolvConf } from '../dns/resolv-conf.ts';
import { resolveName } from '../dns/resolve-name.ts';
import { canonical } from '../net/cidr.ts';
import type { ConfigMap, Pod } from '../objects/kube.ts';
import { isLoopback } from '../pod/listen.ts';
import { API_VERSION, type Hint, type Note, type ObjectRef, type VerdictWord } from './answer.ts';
import type { DnsAttemptView, DnsLookupAnswer, DnsServerView, DnsTraffic } from './dns-answer.ts';
import {
  asksItself,
  type DnsAsking,
  type DnsQuestionAsked,
  dumpedNodeResolvConf,
  dumpedResolvConf,
  isMistaken,
} from './dns-asking.ts';
import { dnsHints } from './dns-hints.ts';
import { dnsNotes } from './dns-notes.ts';
import { dnsSummary, dnsSymptom } from './dns-words.ts';
import { podOf } from './pod-of.ts';
import { objectRef, provenanceOf } from './provenance.ts';
import { QuestionError } from './question-error.ts';
import type { Session } from './session.ts';

function attemptView({ name, search, outcome, questions }: Attempt): DnsAttemptView {
  return {
    name,
    ...(search !== undefined && { search }),
    outcome,
    questions: questions.map(({ question, answer }) => ({
      type: question.type,
      rcode: answer.rcode,
      records: answer.answer,
      authority: answer.authority,
      additional: answer.additional,
      by: answer.by,
      ...(answer.line !== undefined && { line: answer.line }),
      ...(answer.unknown !== undefined && { unknown: answer.unknown }),
    })),
  };
}

/** One question, and no searching: what `dig` does. */
function askOnce({ asked, dns, conf }: DnsAsking, type: string): Resolution {
  // `dig -x`
  const reverse = type.toUpperCase() === 'PTR' ? reverseName(asked.name) : undefined;
  const question = { name: reverse ?? absolute(asked.name), type: type.toUpperCase() };
  const answer = dns.ask(conf.nameservers[0] ?? '', question);
  const failed = answer.rcode === 'SERVFAIL' || answer.rcode === 'REFUSED';
  const outcome =
    answer.answer.length > 0
      ? 'found'
      : answer.unknown !== undefined
        ? 'unknown'
        : failed
          ? 'failed'
          : answer.rcode === 'NXDOMAIN'
            ? 'no-name'
            : 'no-data';
  const results = {
    found: answer.unknown === undefined ? 'found' : 'unknown',
    unknown: 'unknown',
    failed: 'try-again',
    'no-name': 'no-such-name',
    'no-data': 'no-address',
  } as const;
  const attempt: Attempt = { name: question.name, questions: [{ question, answer }], outcome };
  const addresses = answer.answer.filter((r) => r.type === 'A' || r.type === 'AAAA').map(({ rdata }) => rdata);
  return { attempts: [attempt], addresses, result: results[outcome], decisive: attempt };
}

const NO: readonly VerdictWord[] = ['dropped', 'rejected', 'unreachable', 'refused'];

function trafficTo({ session }: DnsAsking, from: string, to: string, protocol: 'udp' | 'tcp'): DnsTraffic {
  const { verdict, reason, summary, groups } = session.trace({ from, to, protocol });
  const decisive = groups.find((group) => group.verdict === verdict)?.decisive;
  return { from, to, protocol, verdict, reason, summary, ...(decisive && { decisive }) };
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]:53` : `${address}:53`;
}

/** The Service in front of CoreDNS that the cache on the nodes asks; it is not the one whose address the cache took. */
function upstreamOf({ session, dns }: DnsAsking): string | undefined {
  const { cluster } = session;
  if (cluster.services.has('kube-system/kube-dns-upstream')) return 'kube-system/kube-dns-upstream';
  const taken = dns.nodeLocal?.addresses ?? [];
  const service = dns.service === undefined ? undefined : cluster.services.get(dns.service)?.object;
  return service?.spec.clusterIPs?.some((ip) => taken.includes(ip)) ? undefined : dns.service;
}

/** Whether anything in the input has the address, so that a packet to it can be judged. */
function isInInput({ session, dns }: DnsAsking, address: string): boolean {
  const { cluster } = session;
  if (dns.nodeLocal?.addresses.includes(address)) return true;
  for (const { object } of cluster.services.values()) if (object.spec.clusterIPs?.includes(address)) return true;
  for (const { object } of cluster.pods.values())
    if (object.status?.podIPs?.some(({ ip }) => ip === address)) return true;
  return false;
}

function serverView(asking: DnsAsking, address: string): DnsServerView {
  const { session, dns, pod, key, provenance } = asking;
  const server = dns.serverAt(address);
  const service = [...session.cluster.services].find(([, s]) => s.object.spec.clusterIPs?.includes(address))?.[0];
  const placed = server?.config && session.cluster.configMaps.get(server.config.configMap);
  // A cluster DNS of which the input shows nothing is taken to be there; any other address is somebody's outside.
  const isTraced =
    isInInput(asking, address) || (server === undefined && !isLoopback(address)) || isMistaken(asking, address);
  const traffic: DnsTraffic[] = isTraced ? [trafficTo(asking, `pod/${key}`, bracketed(address), 'udp')] : [];
  const upstream = server?.kind === 'node-local' ? upstreamOf(asking) : undefined;
  if (upstream !== undefined && pod.object.spec.nodeName !== undefined) {
    const [namespace, name] = upstream.split('/');
    traffic.push(trafficTo(asking, `node/${pod.object.spec.nodeName}`, `svc/${namespace}/${name}:53`, 'tcp'));
  }
  return {
    address,
    kind: server?.kind ?? 'other',
    ...(service !== undefined && { service }),
    ...(placed && { configMap: objectRef(provenance, placed as Placed<ConfigMap>, ['data', 'Corefile']) }),
    ...(traffic.length > 0 && { traffic }),
  };
}

function nameserversReached(servers: readonly DnsServerView[]): 'yes' | 'no' | 'undecided' {
  const verdicts = servers.map(({ traffic = [] }) => traffic.map((t) => t.verdict));
  if (verdicts.length === 0) return 'no';
  const states = verdicts.map((list) =>
    list.some((v) => NO.includes(v)) ? 'no' : list.every((v) => v === 'delivered') ? 'yes' : 'undecided',
  );
  return states.includes('yes') ? 'yes' : states.every((state) => state === 'no') ? 'no' : 'undecided';
}

function objectOf({ session, asked, pod, provenance, key, conf }: DnsAsking, found: boolean): ObjectRef | undefined {
  if (!found || conf.type === 'host') return undefined;
  const namespace = key.split('/')[0] as string;
  const answer = resolveName(session.cluster, asked.type ? absolute(asked.name) : asked.name, {
    namespace,
    pod: pod.object,
  });
  if (!answer || !('key' in answer)) return undefined;
  const service = session.cluster.services.get(answer.key);
  return service && objectRef(provenance, service);
}

function confOf(
  dns: ClusterDns,
  pod: Placed<Pod>,
  { resolvConf, nodeResolvConf }: DnsQuestionAsked,
): ReturnType<ClusterDns['resolvConfOf']> {
  const written = dns.resolvConfOf(pod.object, nodeResolvConf);
  const own = resolvConf === undefined ? undefined : parseResolvConf(resolvConf);
  if (!own || 'error' in own) return own ?? written;
  return { ...own, type: 'error' in written ? 'cluster' : written.type, events: [] };
}

/** What nobody gave with the question, a dump may show. */
function withDumps(session: Session, asked: DnsQuestionAsked, key: string, node: string | undefined): DnsQuestionAsked {
  const resolvConf = asked.resolvConf ?? dumpedResolvConf(session, key);
  const nodeResolvConf = asked.nodeResolvConf ?? dumpedNodeResolvConf(session, node);
  return {
    ...asked,
    ...(resolvConf !== undefined && { resolvConf }),
    ...(nodeResolvConf !== undefined && { nodeResolvConf }),
  };
}

/** Throws `QuestionError` where the question cannot be asked of this cluster. Needs a session with a machine. */
export function lookUpDns(session: Session, question: DnsQuestionAsked): DnsLookupAnswer {
  const { cluster, read } = session;
  const { key, pod } = podOf(session, question.from, question.namespace);
  const asked = withDumps(session, question, key, pod.object.spec.nodeName);
  const dns = clusterDnsOf(cluster);
  const conf = confOf(dns, pod, asked);
  if ('error' in conf)
    throw new QuestionError('bad-resolv-conf', `the node's resolv.conf cannot be read: ${conf.error}`, {
      mend: 'The kubelet starts no pod with it: give each nameserver line an address.',
    });
  const provenance = provenanceOf(cluster, read);
  const asking: DnsAsking = { session, asked, pod, key, dns, conf, provenance };
  const { client = 'glibc', type } = asked;
  const numeric = type ? undefined : canonical(asked.name);
  const inFile =
    type || numeric !== undefined ? [] : hostsAddresses(pod.object, cluster.settings.clusterDomain.value, asked.name);
  // An address, and a name in the file, are known without asking.
  const known = numeric === undefined ? inFile : [numeric];
  const resolution: Resolution =
    known.length > 0
      ? { attempts: [], addresses: known, result: 'found' }
      : type
        ? askOnce(asking, type)
        : resolve(client, asked.name, conf, (question) => dns.ask(conf.nameservers[0] ?? '', question));
  const servers = known.length > 0 ? [] : conf.nameservers.map((address) => serverView(asking, address));
  const reached = known.length > 0 ? 'yes' : nameserversReached(servers);
  const named = conf.nameservers.length > 0 || known.length > 0;
  const result: DnsLookupAnswer['result'] =
    !named && conf.type === 'host'
      ? 'unknown'
      : reached === 'no' || (known.length === 0 && asksItself(asking))
        ? 'no-answer'
        : reached === 'undecided' && servers.some((s) => s.traffic)
          ? 'unknown'
          : resolution.result;
  const object = objectOf(asking, resolution.result === 'found' || resolution.result === 'unknown');
  const base = { result, resolution, servers, object };
  const hints: Hint[] = dnsHints(asking, base);
  const notes: Note[] = dnsNotes(asking, base);
  const symptom = dnsSymptom(client, result);
  return {
    apiVersion: API_VERSION,
    kind: 'DnsLookup',
    question: {
      from: asked.from,
      name: asked.name,
      ...(asked.namespace !== undefined && { namespace: asked.namespace }),
      client,
      ...(type !== undefined && { type: type.toUpperCase() }),
    },
    pod: objectRef(provenance, pod),
    result,
    summary: dnsSummary(asking, base),
    ...(symptom !== undefined && { symptom }),
    addresses: result === 'found' ? resolution.addresses : [],
    ...(object && { object }),
    resolvConf: {
      source: conf.type,
      nameservers: conf.nameservers,
      searches: conf.searches,
      options: conf.options,
      events: conf.events.map(({ reason, message }) => ({ reason, message })),
    },
    servers,
    attempts: resolution.attempts.map(attemptView),
    ...(inFile.length > 0 && { hostsFile: inFile }),
    hints,
    notes,
  };
}
