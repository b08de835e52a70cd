/** Which ports of a scenario somebody wrote down: in packets, listeners and NAT to a single port. */
import type { Packet } from '@podwire/engine';
import type { Scenario } from './scenario.ts';
import type { PortName } from './seen.ts';
import { CLIENT_PORTS, PORTS } from './values.ts';

function portsIn({ sport, dport, icmpId, inner }: Packet): number[] {
  return [sport, dport, icmpId, ...(inner ? portsIn(inner) : [])];
}

export function portsOf({ events, listening, network, nft }: Scenario): PortName {
  const known = new Set([...listening.map((l) => l.port), ...events.flatMap(({ packet }) => portsIn(packet))]);
  for (const { netfilter } of network.netnses)
    for (const { chains } of netfilter)
      for (const { rules } of chains)
        for (const { body } of rules)
          for (const statement of body) {
            const ports = 'range' in statement ? statement.range.ports : undefined;
            if (ports && ports.from === ports.to) known.add(ports.from);
          }
  // Rules of nftables write them in many places; drawn ports are none of these.
  if (nft) for (const port of [...PORTS, ...CLIENT_PORTS]) known.add(port);
  // The machine may draw 0 for the identifier of an echo.
  known.delete(0);
  return (port) => (known.has(port) ? `${port}` : '*');
}
