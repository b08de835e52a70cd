/** One host with a chain under test: what a packet does there is what the chain says. */
import { base, chain, netns, network, packet, rule } from '../../reference/testing/network.ts';
import type { Chain, Link, Network, Packet, Statement, Step, Table } from '../index.ts';
import { Disposition, Hook, Verdict } from '../terms.ts';

export const links: Link[] = [
  { name: 'eth0', kind: 'device', segment: 'lan', mac: '02:00:00:00:00:0a' },
  { name: 'eth1', kind: 'device', segment: 'wan' },
];

/** A host with tables of its own; 10.0.0.1/24 and fd00::1/64 on eth0, 192.0.2.1/24 on eth1, forwarding. */
export const host = (...netfilter: Table[]): Network =>
  network(
    netns('host', {
      links,
      addresses: ['eth0 10.0.0.1/24', 'eth0 fd00::1/64', 'eth1 192.0.2.1/24'],
      sysctls: { 'net.ipv4.ip_forward': 1 },
      netfilter,
    }),
  );

/** A table of nftables with its rules at INPUT; what no rule decides is dropped. */
export function input(rules: Statement[][], more: Partial<Table> & { others?: Chain[] } = {}): Table {
  const { others = [], ...rest } = more;
  const own = base(
    'filter',
    Hook.INPUT,
    rules.map((body) => rule(...body)),
    'drop',
  );
  return { family: 'inet', name: 't', syntax: 'nft', chains: [own, ...others], ...rest };
}

export const accept: Statement = { kind: 'accept' };
export const drop: Statement = { kind: 'drop' };

export const to4 = (more: Partial<Packet> = {}): Packet => packet('10.0.0.2', '10.0.0.1', more);
export const to6 = (more: Partial<Packet> = {}): Packet => packet('fd00::2', 'fd00::1', more);

export type RuleStep = Step & { kind: 'rule' };

export const rulesOf = (steps: readonly Step[]): RuleStep[] =>
  steps.filter((step): step is RuleStep => step.kind === 'rule');

/** Numbers of the rules in the steps, each with its verdict. */
export const path = (steps: readonly Step[]): string[] =>
  rulesOf(steps).map(({ chain: { name }, index, verdict }) => `${name} ${index} ${Verdict[verdict]}`);

export const passed = ({ disposition }: { disposition: Disposition }): boolean => disposition === Disposition.DELIVERED;

export { chain, rule };
