/** Which connections kube-proxy deletes, given Services, EndpointSlices and what conntrack holds. */
import {
  type EndpointSlice,
  endpointsByServicePort,
  type IPFamily,
  type Service,
  servicePorts,
  staleEntries,
  type TrackedFlow,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';

interface FlowTuple {
  /** Null: not set, or any address of the node. */
  src: string | null;
  dst: string | null;
  sport: number;
  dport: number;
}

interface ConntrackCase {
  id: string;
  ipFamily: IPFamily;
  services: Service[] | null;
  endpointSlices: EndpointSlice[] | null;
  flows: { protocol: string; orig: FlowTuple; reply: FlowTuple }[] | null;
  expect: { deleted: number[] };
}

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

function tuple({ src, dst, sport, dport }: FlowTuple): TrackedFlow['original'] {
  return { saddr: src ?? '', daddr: dst ?? '', sport, dport };
}

function judge({ ipFamily, services, endpointSlices, flows, expect }: ConntrackCase): Outcome {
  const entries = (flows ?? []).map(({ protocol, orig, reply }, index) => ({
    index,
    protocol: PROTOCOLS[protocol] ?? 0,
    original: tuple(orig),
    reply: tuple(reply),
  }));
  const ports = servicePorts(services ?? [], ipFamily).values();
  const stale = staleEntries(entries, ports, endpointsByServicePort(endpointSlices ?? [], ipFamily));
  const difference = firstDifference(
    [...expect.deleted].sort((a, b) => a - b),
    stale.map(({ index }) => index),
  );
  return difference === undefined ? pass : fail(difference);
}

export const kubeProxyConntrack: Kind = {
  kind: 'kube-proxy-conntrack',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<ConntrackCase>('cases.jsonl')) yield { id: row.id, run: () => judge(row) };
  },
};
