/** Listeners of a scenario as the machine has them: one for each family. */
import type { Netns, Network } from '@podwire/engine';
import { type Listening, PROTOCOLS } from './terms.ts';

export function listenersOf(netns: string, listening: readonly Listening[]): NonNullable<Netns['listeners']> {
  return listening
    .filter((l) => l.netns === netns)
    .flatMap((l) =>
      ['0.0.0.0', '::'].map((address) => ({
        protocol: PROTOCOLS[l.protocol],
        address,
        port: l.port,
        ...(address === '::' && { v6only: true }),
      })),
    );
}

export const withListeners = ({ netnses }: Network, listening: readonly Listening[]): Network => ({
  netnses: netnses.map((netns) => ({ ...netns, listeners: listenersOf(netns.name, listening) })),
});
