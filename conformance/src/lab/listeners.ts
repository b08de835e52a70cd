/** Listeners of a scenario as the machine has them: one for each family. */
import { type Netns, type Network, Protocol } from '@podwire/engine';
import type { Listening } from './terms.ts';

export function listenersOf(netns: string, listening: readonly Listening[]): NonNullable<Netns['listeners']> {
  return listening
    .filter((l) => l.netns === netns)
    .flatMap((l) =>
      ['0.0.0.0', '::'].map((address) => ({
        protocol: l.protocol === 'tcp' ? Protocol.TCP : Protocol.UDP,
        address,
        port: l.port,
        ...(address === '::' && { v6only: true }),
      })),
    );
}

export const withListeners = ({ netnses }: Network, listening: readonly Listening[]): Network => ({
  netnses: netnses.map((netns) => ({ ...netns, listeners: listenersOf(netns.name, listening) })),
});
