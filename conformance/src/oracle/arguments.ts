import { parseArgs } from 'node:util';

export interface OracleArguments {
  clusters: number;
  seed: string;
  /** Only the cluster with this number. */
  only?: number;
  machine: 'wasm' | 'reference';
  probes: number;
  jobs: number;
}

export const USAGE = `usage: pnpm oracle [--clusters N] [--seed S] [--only K] [--machine wasm|reference] [--probes N] [--jobs N]

Builds random clusters in network namespaces of the running kernel, and in the machine, and sends the same packets through both.
Needs root, iproute2, iptables, conntrack and Python 3; without them nothing is judged. Exit code 0: no disagreement, 1: at least one,
2: usage, or the kernel is required (PODWIRE_REQUIRE=kernel) and missing.

  --clusters N   how many (default 20)
  --seed S       any text; the same seed makes the same clusters (default: the time, printed)
  --only K       only cluster number K of the seed, with everything that both sides say
  --machine M    which machine to judge: wasm (default) or reference
  --probes N     connections for each cluster (default 24)
  --jobs N       clusters side by side (default 3)
`;

function whole(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} is a whole number above 0, not ${text}`);
  return value;
}

/** Throws an Error whose message is for the user. */
export function readOracleArguments(args: readonly string[]): OracleArguments {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { clusters: text, seed: text, only: text, machine: text, probes: text, jobs: text },
  });
  const machine = values.machine ?? 'wasm';
  if (machine !== 'wasm' && machine !== 'reference') throw new Error(`--machine is wasm or reference, not ${machine}`);
  return {
    clusters: whole(values.clusters, 'clusters', 20),
    seed: values.seed ?? `${Date.now()}`,
    machine,
    probes: whole(values.probes, 'probes', 24),
    jobs: whole(values.jobs, 'jobs', 3),
    ...(values.only !== undefined && { only: whole(values.only, 'only', 1) }),
  };
}
