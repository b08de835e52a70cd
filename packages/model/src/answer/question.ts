/** A question as it is typed, and what it means in one cluster. */
import type { Family } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import type { AskedQuestion } from './answer.ts';
import { type Destinations, destinationsOf } from './destinations.ts';
import type { Directory } from './directory.ts';
import type { Full } from './full.ts';
import type { AskedPort } from './ports.ts';
import type { Provenance } from './provenance.ts';
import { QuestionError } from './question-error.ts';
import { parsePort, parseReference, type TransportName } from './reference.ts';
import { type Sources, sourcesOf } from './sources.ts';

export interface Question {
  /** `shop/web-7d9f`, `deploy/web`, `node/worker-1`, `external`, an address. */
  from: string;
  /** The same, and Services and DNS names, with a port: `svc/api:http`. */
  to: string;
  namespace?: string;
  protocol?: TransportName;
  port?: number | string;
  /** Source port of TCP, UDP and SCTP; 40000 where absent. */
  sport?: number;
  /** Bytes of the packet, IP header included; the least that opens a connection where absent. */
  size?: number;
  /** User and group of the process that sends: rules may ask whose socket a packet comes from. Absent: nobody knows. */
  uid?: number;
  gid?: number;
  /** `new` (default, but for `after`): the packet that opens the connection. `established`: one that comes after the reply. */
  connection?: 'new' | 'established';
  /**
   * What happened since the connection was made, in order: `delete pod/x`, `scale deploy/x=3`, `35s` ... The packet asked about comes after
   * it, and belongs to that connection unless `connection` is `new`: then it opens another one of the same client.
   */
  after?: readonly string[];
  /** Assume of every node that no port is left to translate the source to, or no room for another tracked connection. */
  full?: Full;
  /** Only this address family. */
  family?: Family;
  /** Every source and destination by itself, also where they meet the same fate. */
  ungrouped?: boolean;
}

export interface ResolvedQuestion {
  asked: AskedQuestion;
  sources: Sources;
  destinations: Destinations;
  sport: number;
  size?: number;
  owner?: { uid?: number; gid?: number };
}

const DEFAULT_SPORT = 40000;

function agree<T>(inReference: T | undefined, asOption: T | undefined, what: string): T | undefined {
  if (inReference !== undefined && asOption !== undefined && inReference !== asOption) {
    throw new QuestionError(
      'contradiction',
      `the destination says ${what} ${inReference} and the option says ${asOption}`,
      {
        mend: `Give the ${what} once.`,
      },
    );
  }
  return inReference ?? asOption;
}

/** Finds both ends in the cluster. Throws `QuestionError` where the question cannot be asked. */
export function resolveQuestion(
  cluster: Cluster,
  directory: Directory,
  provenance: Provenance,
  question: Question,
): ResolvedQuestion {
  const from = parseReference(question.from);
  const to = parseReference(question.to);
  const option = question.port === undefined ? undefined : parsePort(String(question.port));
  const port = agree(to.port, option, 'port');
  // Hosts that are given by their dumps alone declare no ports: without one, a ping is asked for.
  const open = cluster.dumpedAddresses !== undefined && port === undefined ? 'icmp' : undefined;
  const protocol = agree(to.protocol, question.protocol ?? from.protocol, 'protocol') ?? open;
  if (protocol === 'icmp' && port !== undefined) {
    throw new QuestionError('contradiction', 'ICMP has no ports', {
      mend: 'Leave the port out, or ask with tcp or udp.',
    });
  }
  const asked: AskedPort = { ...(protocol && { protocol }), ...(port !== undefined && { port }) };
  const sources = sourcesOf(cluster, directory, from, question.namespace);
  const [first] = sources.all;
  const asker = first?.pod === undefined ? undefined : cluster.pods.get(first.pod)?.object;
  const destinations = destinationsOf({
    cluster,
    directory,
    provenance,
    reference: to,
    asked,
    namespaces: [question.namespace ?? sources.namespace],
    ...(asker && { asker }),
    fromOutside: sources.all.every((s) => s.place.kind === 'external'),
  });
  if (question.family !== undefined) {
    const { family } = question;
    destinations.all = destinations.all.filter((d) => d.family === undefined || d.family === family);
    if (destinations.all.length === 0) {
      throw new QuestionError('no-such-family', `"${question.to}" has no IPv${family} address`, {
        mend: 'Leave the address family open.',
      });
    }
  }
  const { uid, gid } = question;
  const hasChanges = (question.after ?? []).length > 0;
  const owner = { ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) };
  return {
    asked: {
      from: question.from,
      to: question.to,
      ...(question.namespace !== undefined && { namespace: question.namespace }),
      ...(protocol && { protocol }),
      ...(port !== undefined && { port }),
      ...(protocol !== 'icmp' && { sport: question.sport ?? DEFAULT_SPORT }),
      ...(question.size !== undefined && { size: question.size }),
      ...owner,
      connection: question.connection ?? (hasChanges ? 'established' : 'new'),
      ...(question.full && { full: question.full }),
      ...(hasChanges && { after: [...(question.after ?? [])] }),
      ...(question.family !== undefined && { family: question.family }),
    },
    sources,
    destinations,
    sport: question.sport ?? DEFAULT_SPORT,
    ...(question.size !== undefined && { size: question.size }),
    ...((uid !== undefined || gid !== undefined) && { owner }),
  };
}
