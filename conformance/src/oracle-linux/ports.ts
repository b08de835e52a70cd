/** Which ports of a scenario somebody wrote down: in packets, listeners and NAT to a single port. */
import type { Packet } from '@podwire/engine';
import type { Scenario } from './scenario.ts';
import type { PortName } from './seen.ts';

function portsIn({ sport, dport, icmpId, inner }: Packet): number[] {
  return [sport, dport, icmpId, ...(inner ? portsIn(inner) : [])];
}

export function portsOf({ events, listening, network }: Scenario): PortName {
  const known = new Set([...listening.map((l) => l.port), ...events.flatMap(({ packet }) => portsIn(packet))]);
  for (const { netfilter } of network.netnses)
    for (const { chains } of netfilter)
      for (const { rules } of chains)
        for (const { body } of rules)
          for (const statement of body) {
            const ports = 'range' in statement ? statement.range.ports : undefined;
            if (ports && ports.from === ports.to) known.add(ports.from);
          }
  // The machine may draw 0 for the identifier of an echo.
  known.delete(0);
  return (port) => (known.has(port) ? `${port}` : '*');
}
