/** What an element of a set may be, by the dimensions of its type (`man ipset`). */
import { parseAddress, parsePrefix } from '@podwire/engine';
import { wholeNumber } from '../lines.ts';

function checkAddresses(text: string): void {
  const [from = '', to] = text.split('-');
  const isNet = to === undefined && text.includes('/');
  const fits = isNet ? parsePrefix(text) : parseAddress(from) && (to === undefined || parseAddress(to));
  if (!fits) throw new RangeError(`"${text}" is no address, range or network`);
}

/** `80`, `80-90`, `tcp:80`, `icmp:8/0`. */
function checkPorts(text: string): void {
  const m = /^(?:([a-z][\w-]*|\d+):)?(?:(\d+)(?:-(\d+))?|(\d+)\/(\d+))$/i.exec(text);
  if (!m) throw new RangeError(`"${text}" is no port`);
  for (const port of [m[2], m[3]]) if (port !== undefined) wholeNumber(port, 'port', 65535);
  if (m[1] !== undefined && !/^(tcp|udp|sctp|udplite|icmp|icmpv6|ipv6-icmp|\d+)$/i.test(m[1])) {
    throw new RangeError(`"${m[1]}" is no protocol that is known here`);
  }
}

const CHECKS: Readonly<Record<string, (text: string) => void>> = {
  ip: checkAddresses,
  net: checkAddresses,
  port: checkPorts,
  mac: (text) => {
    if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) throw new RangeError(`"${text}" is no link-layer address`);
  },
  mark: (text) => {
    if (!/^(0x[0-9a-f]{1,8}|\d+)$/i.test(text)) throw new RangeError(`"${text}" is no mark`);
  },
  iface: (text) => {
    if (!/^(physdev:)?[^\s/]{1,15}$/.test(text)) throw new RangeError(`"${text}" is no interface`);
  },
  set: () => {},
};

/** Throws RangeError. */
export function checkElement(type: string, value: string): void {
  const dimensions = type.slice(type.indexOf(':') + 1).split(',');
  const parts = value.split(',');
  // The link-layer address of `bitmap:ip,mac` may be missing.
  if (parts.length > dimensions.length || (parts.length < dimensions.length && type !== 'bitmap:ip,mac')) {
    throw new RangeError(`"${value}" is no element of ${type}`);
  }
  parts.forEach((part, i) => {
    CHECKS[dimensions[i] as string]?.(part);
  });
}
