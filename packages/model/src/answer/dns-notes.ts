/** What had to be assumed for a look-up, what is not modelled, and what works as it is meant to. */
import { assumedKubernetesService } from '../cluster/kubernetes-service.ts';
import { ndotsOf } from '../dns/client.ts';
import type { Note } from './answer.ts';
import type { DnsAsking } from './dns-asking.ts';
import type { DnsFindings } from './dns-words.ts';
import { kubernetesServiceNote } from './kubernetes-service-note.ts';

function assumption(code: string, text: string, settle?: string): Note {
  return { kind: 'assumption', code, text, ...(settle !== undefined && { settle }) };
}

/** An answer holds the address of the Service that podwire only assumed. */
function usesKubernetesService({ session }: DnsAsking, { resolution }: DnsFindings): boolean {
  const ip = assumedKubernetesService(session.cluster)?.spec.clusterIP;
  if (ip === undefined) return false;
  const kubernetes = `kubernetes.default.svc.${session.cluster.settings.clusterDomain.value}.`;
  return resolution.attempts.some(({ questions }) =>
    questions.some(({ answer }) => answer.answer.some(({ rdata }) => rdata === ip || rdata.endsWith(kubernetes))),
  );
}

function sourceNotes(asking: DnsAsking, findings: DnsFindings): Note[] {
  const { dns, conf, asked } = asking;
  const { servers, resolution } = findings;
  const notes: Note[] = [];
  if (usesKubernetesService(asking, findings)) notes.push(kubernetesServiceNote());
  const asks = resolution.attempts.length > 0;
  if (asks && conf.type === 'cluster' && dns.addresses.how === 'assumed')
    notes.push(
      assumption(
        'cluster-dns-address',
        `The cluster DNS has ${dns.addresses.why}.`,
        'add the Service kube-system/kube-dns',
      ),
    );
  if (asks && dns.coredns.config === undefined && servers.some(({ kind }) => kind === 'coredns'))
    notes.push(
      assumption(
        'corefile',
        "The cluster DNS is CoreDNS with kubeadm's Corefile.",
        'add its ConfigMap: kubectl get -n kube-system configmap coredns -o yaml',
      ),
    );
  if (servers.some(({ kind, traffic }) => kind !== 'other' && !traffic))
    notes.push(
      assumption(
        'dns-server-not-shown',
        'The Service and pods of the cluster DNS are not in the input: questions are taken to arrive.',
        'add them: kubectl get -n kube-system services,pods,endpointslices -o json',
      ),
    );
  if (conf.type !== 'none' && asked.nodeResolvConf === undefined && asked.resolvConf === undefined)
    notes.push(
      assumption(
        'node-resolv-conf',
        "The node's own resolv.conf is not in the input: it is taken to add no search paths.",
        'give it with --resolv-conf FILE',
      ),
    );
  return notes;
}

function modelNotes({ dns, conf }: DnsAsking, { servers }: DnsFindings): Note[] {
  const notes: Note[] = [];
  const used = [dns.coredns, ...(dns.nodeLocal ? [dns.nodeLocal] : [])].filter((server) =>
    servers.some(({ kind }) => kind === server.kind),
  );
  for (const { server, config } of used) {
    for (const { line, message } of server.corefile.problems)
      notes.push({
        kind: 'caveat',
        code: 'corefile-not-read',
        text: `${config?.configMap ?? 'Corefile'} line ${line}: ${message}.`,
      });
    if (server.corefile.blocks.some((block) => block.directives.some(({ name }) => name === 'autopath')))
      notes.push({
        kind: 'caveat',
        code: 'autopath',
        text: 'The autopath plugin answers the first question with what the search would find: fewer questions are sent than shown.',
      });
  }
  if (conf.nameservers.length > 1)
    notes.push({
      kind: 'caveat',
      code: 'other-nameservers',
      text: 'Only the first nameserver is asked here; glibc goes on to the next when one does not answer, musl asks all at once and takes the first answer.',
    });
  return notes;
}

/** Why so many questions. */
function searchNote({ asked, conf }: DnsAsking, { resolution }: DnsFindings): Note[] {
  const { attempts, decisive } = resolution;
  const before = decisive ? attempts.indexOf(decisive) : 0;
  if (before === 0 || asked.type) return [];
  const asks = attempts.slice(0, before).reduce((sum, { questions }) => sum + questions.length, 0);
  return [
    {
      kind: 'intended',
      code: 'search-list',
      text: `With ndots:${ndotsOf(conf)} a name with fewer dots is searched first: ${asks} questions before the one that counts. ${decisive?.name} asks it at once.`,
    },
  ];
}

export function dnsNotes(asking: DnsAsking, findings: DnsFindings): Note[] {
  return [...searchNote(asking, findings), ...modelNotes(asking, findings), ...sourceNotes(asking, findings)];
}
