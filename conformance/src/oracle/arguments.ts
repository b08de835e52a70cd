import { parseArgs } from 'node:util';
import type { MachineName } from '../lab/machine.ts';

export interface OracleArguments {
  /** What is made up: Kubernetes clusters, those with every feature of Services, Linux configurations; or two modes are compared. */
  kind: 'cluster' | 'service' | 'linux' | 'compare';
  clusters: number;
  seed: string;
  /** Their numbers: from `from` to `clusters`, or one alone. */
  numbers: readonly number[];
  machine: MachineName;
  /** Clusters: kube-proxy's modes, each cluster in each of them. */
  modes: ('iptables' | 'nftables')[];
  /** Comparisons: folders of manifest sets, and how many Services random clusters have. */
  sets?: string[];
  services: number;
  /** Linux configurations: only those with tables of nftables itself. */
  rules?: 'nft';
  probes: number;
  jobs: number;
  /** Folder for mismatches, made small. */
  cases: string;
  /** Folder for what the kernel did in each cluster. */
  record?: string;
}

export const USAGE = `usage: pnpm oracle [--kind cluster|service|linux|compare] [--clusters N] [--seed S] [--from K] [--only K]
                   [--machine wasm|reference] [--mode iptables,nftables] [--rules nft] [--sets DIR,...] [--services N] [--probes N]
                   [--jobs N] [--cases DIR] [--record DIR]

Builds random clusters, or random Linux configurations, in network namespaces of the running kernel, and in the machine, and sends the
same packets through both.
Needs root, iproute2, iptables, conntrack and Python 3; without them nothing is judged. Exit code 0: no disagreement, 1: at least one,
or the kernel is required (PODWIRE_REQUIRE=kernel) and missing,
2: usage.

  --kind K       cluster (default): Kubernetes clusters; service: more Services in each, with hints, affinity and what nodes
                 remember of a former state; linux: hosts and routers with any routes, rules and iptables; compare: does podwire
                 compare say what both rulesets do on the kernel? of manifest sets, and of random clusters
  --clusters N   how many (default 20)
  --seed S       any text; the same seed makes the same clusters (default: the time, printed)
  --from K       begin with cluster number K of the seed
  --only K       only cluster number K of the seed, with everything that both sides say
  --machine M    which machine to judge: wasm (default) or reference
  --mode M,...   modes of kube-proxy: iptables (default), nftables; each cluster is judged in each of them
  --rules nft    Linux configurations with rules have tables of nftables itself
  --sets DIR,... comparisons: folders with manifest sets; no random clusters then unless --clusters says so
  --services N   comparisons: Services in each random cluster (default 500)
  --probes N     flows of each input (default 400), connections for each cluster (default 24), packets for each Linux configuration (default 14)
  --jobs N       clusters side by side (default 5)
  --cases DIR    where mismatches go, made small (default conformance/oracle-cases)
  --record DIR   write what the kernel did in each cluster to this folder
`;

const CLUSTERS = { cluster: 20, service: 20, linux: 20, compare: 1 } as const;
const PROBES = { cluster: 24, service: 24, linux: 14, compare: 400 } as const;

function whole(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} is a whole number above 0, not ${text}`);
  return value;
}

function modesOf(text: string | undefined): OracleArguments['modes'] {
  return (text ?? 'iptables').split(',').map((mode) => {
    if (mode !== 'iptables' && mode !== 'nftables') throw new Error(`--mode is iptables or nftables, not ${mode}`);
    return mode;
  });
}

/** Throws an Error whose message is for the user. */
export function readOracleArguments(args: readonly string[]): OracleArguments {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      kind: text,
      clusters: text,
      seed: text,
      only: text,
      from: text,
      machine: text,
      probes: text,
      jobs: text,
      cases: text,
      record: text,
      rules: text,
      mode: text,
      sets: text,
      services: text,
    },
  });
  const machine = values.machine ?? 'wasm';
  if (machine !== 'wasm' && machine !== 'reference') throw new Error(`--machine is wasm or reference, not ${machine}`);
  const kind = values.kind ?? 'cluster';
  if (kind !== 'cluster' && kind !== 'service' && kind !== 'linux' && kind !== 'compare')
    throw new Error(`--kind is cluster, service, linux or compare, not ${kind}`);
  if (values.rules !== undefined && values.rules !== 'nft') throw new Error(`--rules is nft, not ${values.rules}`);
  const clusters = whole(values.clusters, 'clusters', values.sets === undefined ? CLUSTERS[kind] : 0);
  const from = whole(values.from, 'from', 1);
  const numbers = Array.from({ length: Math.max(0, clusters - from + 1) }, (_, i) => from + i);
  return {
    kind,
    clusters,
    services: whole(values.services, 'services', 500),
    seed: values.seed ?? `${Date.now()}`,
    machine,
    modes: modesOf(values.mode),
    probes: whole(values.probes, 'probes', PROBES[kind]),
    jobs: whole(values.jobs, 'jobs', 5),
    cases: values.cases ?? 'conformance/oracle-cases',
    ...(values.sets !== undefined && { sets: values.sets.split(',') }),
    ...(values.rules !== undefined && { rules: values.rules }),
    ...(values.record !== undefined && { record: values.record }),
    numbers: values.only === undefined ? numbers : [whole(values.only, 'only', 1)],
  };
}
