import { formatAddress, parseAddress } from '@podwire/engine';
import { wholeNumber } from '../lines.ts';

/** `10.0.0.1:80`, `[fd00::1]:80`. Throws RangeError. */
export function readEnd(text: string | undefined): { address: string; port: number } {
  const m = /^(?:\[([^\]]+)\]|([\d.]+)):(\d+)$/.exec(text ?? '');
  const parsed = parseAddress(m?.[1] ?? m?.[2] ?? '');
  if (!m || !parsed) throw new RangeError(`"${text ?? ''}" is no address with a port`);
  return { address: formatAddress(parsed), port: wholeNumber(m[3], 'port', 65535) };
}

export function endText({ address, port }: { address: string; port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
