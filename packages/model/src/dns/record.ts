/** Questions, records and answers of DNS. */
import { formatAddress, parseAddress } from '@podwire/engine';
import { absolute, isWithin } from './names.ts';

export interface DnsQuestion {
  /** Absolute; letters as the client wrote them. */
  name: string;
  /** `A`, `AAAA`, `SRV`, `PTR` ..., also types that no server here has records of. */
  type: string;
}

export interface DnsRecord {
  name: string;
  type: string;
  /** In seconds. */
  ttl: number;
  /** As in a zone file. The serial of an SOA record is `*`: it is the time of the cluster's last change. */
  rdata: string;
}

export type DnsCode = 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED';

export interface DnsResponse {
  rcode: DnsCode;
  answer: DnsRecord[];
  authority: DnsRecord[];
  additional: DnsRecord[];
  truncated: boolean;
  /** What would have to be known to say more: `what 192.0.2.1 answers for example.com. A`. The records are those that are known. */
  unknown?: string;
}

/** Asks the whole server again, as for the target of an alias. Undefined: nobody answers. */
export type DnsLookup = (question: DnsQuestion) => DnsResponse | undefined;

/** Type of the record that an address makes; undefined for a name. IPv4 inside IPv6 counts as IPv4. */
export function addressType(text: string): 'A' | 'AAAA' | undefined {
  const address = parseAddress(text);
  if (!address) return undefined;
  const [a, b, c] = address.words;
  return address.family === 4 || (a === 0 && b === 0 && c === 0xffff) ? 'A' : 'AAAA';
}

function addressText(text: string): string {
  const address = parseAddress(text);
  if (!address) return text;
  const plain = addressType(text) === 'A' ? { ...address, family: 4 as const } : address;
  return formatAddress(plain);
}

export function addressRecord(name: string, ttl: number, address: string): DnsRecord {
  return { name, type: addressType(address) ?? 'A', ttl, rdata: addressText(address) };
}

export function aliasRecord(name: string, ttl: number, target: string): DnsRecord {
  return { name, type: 'CNAME', ttl, rdata: absolute(target) };
}

/** Of an alias's owner and its target: an alias of itself, or of a name below itself, leads nowhere (plugin/backend_lookup.go). */
export function isLoop(owner: string, target: string): boolean {
  return isWithin(owner, absolute(target));
}
