/** Translations in words. */
import { formatAddress, parseAddress } from '@podwire/engine';

export interface NatText {
  nat: string;
  addresses?: { from: string; to: string } | undefined;
  ports?: { from: number; to: number } | undefined;
  random?: boolean | undefined;
  randomFully?: boolean | undefined;
  persistent?: boolean | undefined;
  netmap?: boolean | undefined;
}

const canonical = (text: string): string => {
  const address = parseAddress(text);
  return address ? formatAddress(address) : text;
};

const span = (from: string, last: string): string => (from === last ? from : `${from}-${last}`);

/** The same translation, the same text, whichever tool wrote it. */
export function natText({ nat, addresses, ports, random, randomFully, persistent, netmap }: NatText): string {
  const words = [nat];
  if (addresses) words.push(`to ${span(canonical(addresses.from), canonical(addresses.to))}`);
  if (ports) words.push(`port ${span(String(ports.from), String(ports.to))}`);
  if (randomFully) words.push('fully-random');
  else if (random) words.push('random');
  if (persistent) words.push('persistent');
  if (netmap) words.push('prefix');
  return words.join(' ');
}
