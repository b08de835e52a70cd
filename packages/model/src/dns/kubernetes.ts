/**
 * What CoreDNS's `kubernetes` plugin answers (plugin/kubernetes/handler.go, plugin/backend_lookup.go): the records of Kubernetes' DNS-based
 * service discovery, schema 1.1.0, and how it says that there are none. Wildcards are gone since CoreDNS 1.8: `*` and `any` are labels.
 */
import {
  type Candidate,
  findCandidates,
  findNames,
  type KubernetesZones,
  ofType,
  ownNames,
  type ZoneView,
} from './candidates.ts';
import { absolute, isWithin, labelsBefore, reverseAddress, zoneOf } from './names.ts';
import { type DnsObjects, NO_PORT } from './objects.ts';
import {
  addressRecord,
  addressType,
  aliasRecord,
  type DnsCode,
  type DnsLookup,
  type DnsQuestion,
  type DnsRecord,
  type DnsResponse,
  isLoop,
} from './record.ts';

const VERSION = '1.1.0';
const VERSION_TTL = 28_800;
const ALIASES_MAX = 10;
const SOA_TTL_MAX = 300;

/** Records of one answer; `names` false: no such name. */
interface Records {
  answer: DnsRecord[];
  additional?: DnsRecord[];
  truncated?: boolean;
  unknown?: string;
}

const none: Records = { answer: [] };

function soa({ config, zone }: ZoneView): DnsRecord {
  const { ttl } = config;
  return {
    name: zone,
    type: 'SOA',
    ttl: Math.min(ttl, SOA_TTL_MAX),
    rdata: `ns.dns.${zone} hostmaster.${zone} * 7200 1800 86400 ${ttl}`,
  };
}

function isOwnName(view: ZoneView, name: string): boolean {
  // The plugin compares with the zone as the client wrote it: in other letters the name is not found.
  return name === `ns.dns.${view.zone}`;
}

interface Asking {
  view: ZoneView;
  lookup: DnsLookup;
}

/** Addresses of a name; an alias inside the zone is followed here, any other by asking the server again. */
function addresses(
  { view, lookup }: Asking,
  name: string,
  type: string,
  before: readonly string[],
): Records | undefined {
  const lower = name.toLowerCase();
  if (isOwnName(view, lower)) {
    return { answer: ofType(ownNames(view), type).map(({ host, ttl }) => addressRecord(name, ttl, host)) };
  }
  const found = findCandidates(view, lower);
  if (!found) return undefined;
  const records: Records = {
    answer: ofType(found.candidates, type).map(({ host, ttl }) => addressRecord(name, ttl, host)),
    ...(found.unknown !== undefined && { unknown: found.unknown }),
  };
  for (const candidate of found.candidates) {
    if (addressType(candidate.host) !== undefined) continue;
    const target = absolute(candidate.host);
    if (isLoop(lower, target) || before.length > ALIASES_MAX || before.includes(target)) continue;
    const followed = isWithin(view.zone, target)
      ? addresses({ view, lookup }, target, type, [...before, target])
      : lookup({ name: target, type });
    // An alias of what has no records is not shown, if the zone itself knows so.
    if (!followed || (isWithin(view.zone, target) && followed.answer.length === 0 && followed.unknown === undefined))
      continue;
    records.answer.push(aliasRecord(name, candidate.ttl, target), ...followed.answer);
    if (followed.truncated) records.truncated = true;
    if (followed.unknown !== undefined) records.unknown = followed.unknown;
  }
  return records;
}

function aliases({ view }: Asking, name: string): Records | undefined {
  const found = findCandidates(view, name.toLowerCase());
  if (!found) return undefined;
  const [first] = found.candidates;
  const isAlias = first && addressType(first.host) === undefined;
  return {
    answer: isAlias ? [aliasRecord(name, first.ttl, first.host)] : [],
    ...(found.unknown !== undefined && { unknown: found.unknown }),
  };
}

function version({ view }: Asking, name: string): Records | undefined {
  const lower = name.toLowerCase();
  const labels = labelsBefore(view.zone, lower);
  if (labels.length === 1 && labels[0] === 'dns-version')
    return { answer: [{ name, type: 'TXT', ttl: VERSION_TTL, rdata: `"${VERSION}"` }] };
  const found = findCandidates(view, lower);
  // Only a name with records of another type, or one of a topology zone, is known to exist here.
  const isZonal = view.config.zonal && labels.includes('_zone');
  if (found?.unknown !== undefined) return { answer: [], unknown: found.unknown };
  return found && (found.candidates.length > 0 || isZonal) ? none : undefined;
}

/** One record per owner and port, weights shared evenly; the owners' addresses come along. */
function services({ view }: Asking, name: string): Records | undefined {
  const lower = name.toLowerCase();
  if (isOwnName(view, lower)) return none;
  const found = findCandidates(view, lower);
  if (!found) return undefined;
  const inside = found.candidates.filter(({ host }) => addressType(host) !== undefined);
  return { ...serviceRecords(name, inside), ...(found.unknown !== undefined && { unknown: found.unknown }) };
}

export function srvWeight(count: number): number {
  return Math.max(1, Math.floor((100 / (count * 100)) * 100));
}

/** `count`: of how many the weight is a share. */
export function serviceRecords(name: string, candidates: readonly Candidate[], count = candidates.length): Records {
  const weight = srvWeight(count);
  const answer: DnsRecord[] = [];
  const additional: DnsRecord[] = [];
  const seen = new Set<string>();
  const isNew = (key: string): boolean => !seen.has(key) && seen.add(key) !== undefined;
  for (const { host, port, ttl, owner } of candidates) {
    if (port === NO_PORT) continue;
    if (isNew(`${owner} port ${port}`)) answer.push({ name, type: 'SRV', ttl, rdata: `0 ${weight} ${port} ${owner}` });
    if (isNew(`${owner} ${host}`)) additional.push(addressRecord(owner, ttl, host));
  }
  return { answer, additional };
}

function names({ view }: Asking, name: string): Records | undefined {
  const lower = name.toLowerCase();
  if (reverseAddress(lower) === undefined) {
    const found = findCandidates(view, lower);
    return found && { ...none, ...(found.unknown !== undefined && { unknown: found.unknown }) };
  }
  const found = findNames(view, lower) ?? [];
  if (found.length === 0) return undefined;
  const targets = [...new Set(found.map(({ host }) => host))];
  return { answer: targets.map((rdata) => ({ name, type: 'PTR', ttl: view.config.ttl, rdata })) };
}

function nameservers({ view }: Asking, name: string): Records {
  const own = ownNames(view);
  const owners = [...new Set(own.map(({ owner }) => owner))];
  return {
    answer: owners.map((rdata) => ({ name, type: 'NS', ttl: view.config.ttl, rdata })),
    additional: own.map(({ owner, host, ttl }) => addressRecord(owner, ttl, host)),
  };
}

function recordsFor(asking: Asking, { name, type }: DnsQuestion): Records | undefined {
  const { view } = asking;
  switch (type) {
    case 'A':
    case 'AAAA':
      return addresses(asking, name, type, []);
    case 'CNAME':
      return aliases(asking, name);
    case 'TXT':
      return version(asking, name);
    case 'SRV':
      return services(asking, name);
    case 'PTR':
      return names(asking, name);
    case 'SOA':
      return name === view.zone ? { answer: [soa(view)] } : none;
    case 'NS':
      if (name.toLowerCase() === view.zone) return nameservers(asking, name);
      break;
  }
  // Asked for addresses, to tell a name without such records from no name.
  const found = addresses(asking, name, 'A', []);
  return (
    found && { answer: [], ...(found.unknown !== undefined && found.answer.length === 0 && { unknown: found.unknown }) }
  );
}

/** Undefined: the question is left to the plugins behind this one. */
export function answerKubernetes(
  objects: DnsObjects,
  config: KubernetesZones,
  asked: DnsQuestion,
  lookup: DnsLookup,
): DnsResponse | undefined {
  const question = { ...asked, name: absolute(asked.name) };
  const matched = zoneOf(config.zones, question.name);
  if (matched === undefined) return undefined;
  const zone = question.name.slice(question.name.length - matched.length);
  const view: ZoneView = { objects, config, zone };
  const empty = (rcode: DnsCode, unknown?: string): DnsResponse => ({
    rcode,
    answer: [],
    authority: unknown === undefined && rcode !== 'REFUSED' ? [soa(view)] : [],
    additional: [],
    truncated: false,
    ...(unknown !== undefined && { unknown }),
  });
  if (question.type === 'AXFR' || question.type === 'IXFR') return empty('REFUSED');
  const records = recordsFor({ view, lookup }, question);
  if (!records) {
    if (zoneOf(config.fallthrough, question.name) !== undefined) return undefined;
    return empty(config.synced ? 'NXDOMAIN' : 'SERVFAIL');
  }
  const { answer, additional = [], truncated = false, unknown } = records;
  if (answer.length === 0) return empty('NOERROR', unknown);
  return {
    rcode: 'NOERROR',
    answer,
    authority: [],
    additional,
    truncated,
    ...(unknown !== undefined && { unknown }),
  };
}
