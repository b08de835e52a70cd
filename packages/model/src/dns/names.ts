/** Domain names as text: labels, zones, and the names of addresses (RFC 1035, RFC 3596). Names are absolute, with their last dot. */
import { formatAddress, parseAddress } from '@podwire/engine';

/** With its last dot. */
export function absolute(name: string): string {
  return name.endsWith('.') ? name : `${name}.`;
}

/** From the left; the root has none. */
export function labelsOf(name: string): string[] {
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  return bare === '' ? [] : bare.split('.');
}

/** Whether a name is the zone's own or stands below it; letters count alike in both cases. */
export function isWithin(zone: string, name: string): boolean {
  const outer = labelsOf(zone.toLowerCase());
  const inner = labelsOf(name.toLowerCase());
  const skipped = inner.length - outer.length;
  return skipped >= 0 && outer.every((label, i) => inner[skipped + i] === label);
}

/** The longest of the zones that holds a name. */
export function zoneOf(zones: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (const zone of zones) {
    if (isWithin(zone, name) && (found === undefined || zone.length > found.length)) found = zone;
  }
  return found;
}

/** The labels of a name that stand before its zone. */
export function labelsBefore(zone: string, name: string): string[] {
  const labels = labelsOf(name);
  return labels.slice(0, Math.max(0, labels.length - labelsOf(zone).length));
}

const REVERSE_4 = '.in-addr.arpa.';
const REVERSE_6 = '.ip6.arpa.';

/** Whether a name stands in one of the two trees that addresses are named in. */
export function isReverse(name: string): boolean {
  return name.endsWith(REVERSE_4) || name.endsWith(REVERSE_6);
}

/** `10.0.3.10.in-addr.arpa.` is `10.3.0.10`. Undefined: the name is none of an address. */
export function reverseAddress(name: string): string | undefined {
  const suffix = [REVERSE_4, REVERSE_6].find((s) => name.endsWith(s));
  if (suffix === undefined) return undefined;
  const labels = name.slice(0, -suffix.length).split('.').reverse();
  if (suffix === REVERSE_4) return labels.length === 4 ? canonicalText(labels.join('.')) : undefined;
  const groups: string[] = [];
  for (let i = 0; i + 4 <= labels.length; i += 4) groups.push(labels.slice(i, i + 4).join(''));
  return labels.length === 32 ? canonicalText(groups.join(':')) : undefined;
}

/** The other way: `10.3.0.10` is `10.0.3.10.in-addr.arpa.`. Undefined for what is no address. */
export function reverseName(address: string): string | undefined {
  const parsed = parseAddress(address);
  if (!parsed) return undefined;
  if (parsed.family === 4) return `${formatAddress(parsed).split('.').reverse().join('.')}${REVERSE_4}`;
  const digits = parsed.words.map((word) => word.toString(16).padStart(8, '0')).join('');
  return `${[...digits].reverse().join('.')}${REVERSE_6}`;
}

function canonicalText(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address);
}
