/** Sentences about a look-up. */
import type { ClientKind, Resolution } from '../dns/client.ts';
import { canonical } from '../net/cidr.ts';
import type { ObjectRef } from './answer.ts';
import type { DnsLookupAnswer, DnsServerView } from './dns-answer.ts';
import { asksItself, type DnsAsking } from './dns-asking.ts';

/** What is known when hints, notes and sentences are made. */
export interface DnsFindings {
  result: DnsLookupAnswer['result'];
  resolution: Resolution;
  servers: readonly DnsServerView[];
  object: ObjectRef | undefined;
}

/** gai_strerror() of both: what programs print. */
const SYMPTOMS: Readonly<Record<ClientKind, Partial<Record<DnsLookupAnswer['result'], string>>>> = {
  glibc: {
    'no-such-name': 'Name or service not known',
    'no-address': 'No address associated with hostname',
    'try-again': 'Temporary failure in name resolution',
    'no-answer': 'Temporary failure in name resolution',
  },
  musl: {
    'no-such-name': 'Name does not resolve',
    'no-address': 'Name has no usable address',
    'try-again': 'Try again',
    'no-answer': 'Try again',
  },
};

export function dnsSymptom(client: ClientKind, result: DnsLookupAnswer['result']): string | undefined {
  return SYMPTOMS[client][result];
}

function nameOf({ kind, namespace, name }: ObjectRef): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}

function lostSentence(servers: readonly DnsServerView[], isItself: boolean): string {
  if (isItself)
    return 'The pod asks itself: its nameservers are on its own localhost, where none of its containers declares port 53.';
  const lost = servers.flatMap(({ traffic = [] }) => traffic).find(({ verdict }) => verdict !== 'delivered');
  if (!lost) return 'The pod has no nameserver: nothing can be asked.';
  return `DNS fails for a lower cause, whatever the name: ${lost.protocol} from ${lost.from} to ${lost.to} is ${lost.verdict}. ${lost.summary}`;
}

function foundSentence({ asked }: DnsAsking, { resolution, object }: DnsFindings): string {
  const { attempts, addresses, decisive } = resolution;
  const records = decisive?.questions.flatMap(({ answer }) => answer.answer.map(({ rdata }) => rdata)) ?? [];
  const what = addresses.length > 0 ? addresses : records;
  if (attempts.length === 0 && canonical(asked.name) !== undefined)
    return `${asked.name} is an address: nothing is asked.`;
  if (attempts.length === 0) return `${asked.name} is ${what.join(', ')}, by the pod's /etc/hosts: no server is asked.`;
  const whose = object ? ` of ${nameOf(object)}` : '';
  const asks = attempts.reduce((sum, attempt) => sum + attempt.questions.length, 0);
  return `${asked.name} is ${decisive?.name ?? ''}${whose}: ${what.join(', ')} (${count(asks, 'question')}).`;
}

export function dnsSummary(asking: DnsAsking, findings: DnsFindings): string {
  const { asked, conf } = asking;
  const { result, resolution, servers, object } = findings;
  const tried = count(resolution.attempts.length, 'name');
  switch (result) {
    case 'found':
      return foundSentence(asking, findings);
    case 'no-such-name':
      return `No such name: ${tried} tried for ${asked.name}, and none exists.`;
    case 'no-address':
      return asked.type
        ? `${asked.name} exists, but has no ${asked.type.toUpperCase()} record.`
        : `${asked.name} is a name without an address (${tried} tried).`;
    case 'try-again':
      return `A server fails on ${asked.name} (${tried} tried).`;
    case 'no-answer':
      return lostSentence(servers, asksItself(asking));
    case 'unknown': {
      if (conf.nameservers.length === 0) return "The pod asks its node's nameservers, which the input does not show.";
      const undecided = servers.flatMap(({ traffic = [] }) => traffic).find(({ verdict }) => verdict !== 'delivered');
      if (undecided) return `Whether the question arrives is not decided: ${undecided.summary}`;
      const hidden = resolution.attempts.flatMap((a) => a.questions).find(({ answer }) => answer.unknown !== undefined);
      const prefix = object ? '' : `${asked.name} is no name of the cluster. `;
      return `${prefix}Nobody here knows ${hidden?.answer.unknown ?? 'an answer'}.`;
    }
  }
}
