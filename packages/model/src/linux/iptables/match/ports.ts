/** The port tests that `-m tcp`, `-m udp` and `-m sctp` share. */
import type { PortRange } from '@podwire/engine';
import { bang, type Given, inverted, option, word } from '../base/extension.ts';
import { port, portRange, printRange } from '../base/numbers.ts';

export type PortTest = PortRange & { not?: boolean };

export const portOptions = [
  option('sport', 1, { negatable: true, aliases: ['source-port'] }),
  option('dport', 1, { negatable: true, aliases: ['destination-port'] }),
];

/** A test for every port says nothing, so that the kernel keeps none; inverted it is kept. */
export function readPort(given: Given | undefined, read = port): PortTest | undefined {
  if (!given) return undefined;
  const range = portRange(given.name, word(given), read);
  if (!given.not && range.from === 0 && range.to === 0xffff) return undefined;
  return { ...range, ...inverted(given.not) };
}

export function printPorts(ports: { sport?: PortTest; dport?: PortTest }): string {
  const one = (name: string, test: PortTest | undefined) =>
    test ? ` ${bang(test.not)}--${name} ${printRange(test)}` : '';
  return one('sport', ports.sport) + one('dport', ports.dport);
}
