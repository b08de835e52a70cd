/** Ports of random Services: one or several, of every protocol, and where each leads. */
import type { ServicePort, TransportProtocol } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import type { MadePod, Making } from './generate.ts';

/** A port of a Service and which of a pod's two it leads to. */
export interface MadePort extends ServicePort {
  leadsTo: 'port' | 'admin';
}

/** Names that pods give the ports. */
const NAMES: Record<TransportProtocol, string> = { TCP: 'web', UDP: 'query', SCTP: 'peer' };

type Plan = readonly { protocol: TransportProtocol; port: number; leadsTo?: 'admin' }[];

const PLANS: readonly Plan[] = [
  [{ protocol: 'TCP', port: 80 }],
  [{ protocol: 'TCP', port: 80 }],
  [{ protocol: 'UDP', port: 80 }],
  [
    { protocol: 'TCP', port: 80 },
    { protocol: 'UDP', port: 81 },
  ],
];

/** One number for two protocols, as DNS has it; two ports of one protocol; one number here and there. */
const MORE: readonly Plan[] = [
  [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
  [
    { protocol: 'TCP', port: 80 },
    { protocol: 'TCP', port: 8081, leadsTo: 'admin' },
    { protocol: 'UDP', port: 80 },
  ],
  [
    { protocol: 'TCP', port: 8080 },
    { protocol: 'TCP', port: 82 },
  ],
  [{ protocol: 'SCTP', port: 80 }],
  [
    { protocol: 'SCTP', port: 80 },
    { protocol: 'TCP', port: 80 },
  ],
];

function targetOf(random: Random, protocol: TransportProtocol, leadsTo: MadePort['leadsTo']): string | number {
  if (random.chance(0.5)) return leadsTo === 'admin' ? 'admin' : NAMES[protocol];
  return leadsTo === 'admin' ? 8081 : 8080;
}

/** @param nodePort The first of five numbers for this Service alone. */
export function portsOf({ random, isService }: Making, nodePort: number | undefined, selects: boolean): MadePort[] {
  const plan = random.pick(isService ? [...PLANS, ...MORE] : PLANS);
  const isUnnamed = isService && plan.length === 1 && random.chance(0.4);
  const numbers = [...new Set(plan.map(({ port }) => port))];
  return plan.map(({ protocol, port, leadsTo: which }, k): MadePort => {
    const leadsTo = which ?? 'port';
    // Two protocols of one number have one node port, too.
    const at = random.chance(0.5) ? numbers.indexOf(port) : numbers.length + k;
    return {
      ...(!isUnnamed && { name: plan.length === 1 ? protocol.toLowerCase() : `${protocol.toLowerCase()}-${k}` }),
      protocol,
      port,
      targetPort: selects ? targetOf(random, protocol, leadsTo) : 8080,
      ...(nodePort !== undefined && { nodePort: nodePort + (isService ? at : k) }),
      leadsTo,
    };
  });
}

export const asWritten = (ports: readonly MadePort[]): ServicePort[] => ports.map(({ leadsTo: _, ...port }) => port);

/** Where a port leads in one pod. */
export const numberIn = (pod: MadePod, { leadsTo }: MadePort): number => pod[leadsTo];
