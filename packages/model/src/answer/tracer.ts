/** Everything an answer is drawn from. */
import type { Machine, Netns } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import type { Dataplane } from '../dataplane/node-state.ts';
import type { ReadResult } from '../read/source.ts';
import type { ChangeView, Note } from './answer.ts';
import { beyond } from './beyond.ts';
import { type Directory, directoryOf } from './directory.ts';
import type { FullNodes } from './full.ts';
import type { History } from './history.ts';
import { type OtherPolicy, otherPolicies } from './other-policies.ts';
import { type Places, placesOf } from './places.ts';
import { type Provenance, provenanceOf } from './provenance.ts';
import type { Teller } from './walk-view.ts';

/** Make one per cluster, it remembers what it looked up. */
export interface Tracer {
  cluster: Cluster;
  machine: Machine;
  directory: Directory;
  provenance: Provenance;
  places: Places;
  beyond: Teller['beyond'];
  netnses: ReadonlyMap<string, Netns>;
  /** Policies of kinds that the cluster does not hold. */
  others: readonly OtherPolicy[];
  /** What every answer has to say, whatever is asked. */
  notes: readonly Note[];
  /** Set where something happened before the packet; the rest is what the cluster is by then. */
  past?: Past;
  /** Set where the question takes nodes for full. */
  full?: FullNodes;
}

export interface Past {
  history: History;
  /** Of the cluster as it was. Its machine holds nothing of it. */
  former: Tracer;
  changes: ChangeView[];
  /** Keys of the pods whose processes are gone. */
  ended: ReadonlySet<string>;
}

/** The machine must hold `dataplane.network` already. */
export function tracerOf(
  cluster: Cluster,
  dataplane: Dataplane,
  machine: Machine,
  read: Pick<ReadResult, 'lineOf' | 'objects'>,
  notes: readonly Note[] = [],
): Tracer {
  return {
    cluster,
    machine,
    directory: directoryOf(cluster),
    provenance: provenanceOf(cluster, read),
    places: placesOf(dataplane),
    beyond: (address) => beyond(cluster, address),
    netnses: new Map(dataplane.network.netnses.map((n) => [n.name, n])),
    others: otherPolicies(read.objects),
    notes,
  };
}
