/** What CoreDNS's `k8s_external` plugin answers: external and load balancer addresses as `SERVICE.NAMESPACE.ZONE` (plugin/k8s_external). */
import { type Candidate, endpointLabel, isExposed, type KubernetesZones, ofType, type ZoneView } from './candidates.ts';
import { serviceRecords, srvWeight } from './kubernetes.ts';
import { absolute, isWithin, labelsBefore, reverseAddress, zoneOf } from './names.ts';
import type { DnsObjects, WatchedService } from './objects.ts';
import {
  addressRecord,
  addressType,
  aliasRecord,
  type DnsCode,
  type DnsLookup,
  type DnsQuestion,
  type DnsRecord,
  type DnsResponse,
} from './record.ts';

export interface ExternalZones {
  /** Absolute, in lower case. */
  zones: readonly string[];
  /** In seconds. */
  ttl: number;
  /** Endpoints of headless Services, too. */
  headless: boolean;
  /** Label below which the zone's own records stand: `dns`. */
  apex: string;
  hostmaster: string;
  fallthrough: readonly string[];
}

interface View extends ZoneView {
  external: ExternalZones;
  lookup: DnsLookup;
}

function response(part: Partial<DnsResponse>): DnsResponse {
  return { rcode: 'NOERROR', answer: [], authority: [], additional: [], truncated: false, ...part };
}

function soa({ external: { ttl, apex, hostmaster }, zone }: View): DnsRecord {
  const rdata = `ns1.${apex}.${zone} ${hostmaster}.${apex}.${zone} * 7200 1800 86400 ${ttl}`;
  return { name: zone, type: 'SOA', ttl, rdata };
}

/** External addresses of the Services that the server is an endpoint of; without such, its own (kubernetes/ns.go). */
function ownAddresses({ objects, config, external }: View): string[] {
  const slices = config.ownAddresses.flatMap((ip) => objects.slicesByIP.get(ip) ?? []);
  if (slices.length === 0) return [...config.ownAddresses];
  return slices.flatMap(({ service: key, addresses }) => {
    const service = objects.services.get(key);
    if (!service) return [];
    return external.headless && service.headless ? addresses.map(({ ip }) => ip) : service.external;
  });
}

/** The zone itself. */
function apexResponse(view: View, { name, type }: DnsQuestion): DnsResponse {
  const { external, zone } = view;
  const { apex, ttl } = external;
  if (type === 'SOA') return response({ answer: [soa(view)] });
  if (type !== 'NS') return response({ authority: [soa(view)] });
  return response({
    answer: [{ name: zone, type: 'NS', ttl, rdata: `ns1.${apex}.${zone}` }],
    additional: ownAddresses(view).map((ip) => addressRecord(`ns1.${apex}.${name}`, ttl, ip)),
  });
}

/** `dns.ZONE` and `ns1.dns.ZONE`. */
function nameserverResponse(view: View, { name, type }: DnsQuestion): DnsResponse {
  const labels = labelsBefore(view.zone, name.toLowerCase());
  const exists = labels.length === 1 || (labels.length === 2 && labels[0] === 'ns1');
  const answer =
    labels.length === 2 && exists
      ? ownAddresses(view)
          .filter((ip) => addressType(ip) === type)
          .map((ip) => addressRecord(name, view.external.ttl, ip))
      : [];
  return response({
    rcode: exists ? 'NOERROR' : 'NXDOMAIN',
    answer,
    authority: answer.length === 0 ? [soa(view)] : [],
  });
}

interface Found {
  rcode: DnsCode;
  candidates: Candidate[];
  unknown?: string;
}

interface Asked {
  endpoint?: string;
  port?: string;
  protocol?: string;
}

function bare(label: string): string {
  return label.startsWith('_') ? label.slice(1) : label;
}

function same(asked: string | undefined, has: string): boolean {
  return !asked || asked.toLowerCase() === has.toLowerCase();
}

function ofService(view: View, key: string, service: WatchedService, asked: Asked): Candidate[] {
  const { objects, config, external, zone } = view;
  const { ttl } = config;
  const name = `${service.name}.${service.namespace}.${zone}`;
  const takes = (port: { name: string; protocol: string }): boolean =>
    same(asked.port, port.name) && same(asked.protocol, port.protocol);
  const isByEndpoint = service.headless || asked.endpoint !== undefined;
  if (!external.headless || service.external.length > 0 || !isByEndpoint) {
    return service.external.flatMap((host) =>
      service.ports.filter(takes).map(({ port }) => ({ host, port, ttl, owner: name })),
    );
  }
  return (objects.slices.get(key) ?? []).flatMap(({ addresses, ports }) =>
    addresses.flatMap((address) => {
      const label = endpointLabel(address, config.endpointPodNames);
      if (!same(asked.endpoint, label)) return [];
      return ports.filter(takes).map(({ port }) => ({ host: address.ip, port, ttl, owner: `${label}.${name}` }));
    }),
  );
}

function find(view: View, name: string): Found {
  const labels = labelsBefore(view.zone, name);
  const namespace = labels.pop() ?? '';
  if (!isExposed(view, namespace)) return { rcode: 'NXDOMAIN', candidates: [] };
  const serviceName = labels.pop();
  if (serviceName === undefined) return { rcode: 'NOERROR', candidates: [] };
  if (labels.length > 2) return { rcode: 'NXDOMAIN', candidates: [] };
  const [first = '', second = ''] = labels.map(bare);
  const asked: Asked =
    labels.length === 0 ? {} : labels.length === 1 ? { endpoint: first } : { port: first, protocol: second };
  const key = `${namespace}/${serviceName}`;
  const service = view.objects.services.get(key);
  const candidates = service ? ofService(view, key, service, asked) : [];
  if (candidates.length === 0 && service?.headless && view.objects.unknownEndpoints.has(key))
    return { rcode: 'NOERROR', candidates, unknown: `the EndpointSlices of Service ${key}` };
  return { rcode: candidates.length > 0 ? 'NOERROR' : 'NXDOMAIN', candidates };
}

function reverseResponse(view: View, name: string, address: string): DnsResponse {
  const { objects, config, external } = view;
  const services = (objects.servicesByExternal.get(address) ?? []).filter(
    ({ namespace }) => config.exposedNamespaces === 'all' || isExposed(view, namespace),
  );
  if (services.length === 0) return response({ rcode: 'NXDOMAIN', authority: [soa(view)] });
  return response({
    answer: services.map((service) => ({
      name,
      type: 'PTR',
      ttl: external.ttl,
      rdata: `${service.name}.${service.namespace}.${external.zones[0]}`,
    })),
  });
}

function addresses(view: View, { name, type }: DnsQuestion, candidates: readonly Candidate[]): Partial<DnsResponse> {
  const answer = ofType(candidates, type).map(({ host }) => addressRecord(name, view.external.ttl, host));
  let truncated = false;
  let unknown: string | undefined;
  for (const { host, ttl } of candidates) {
    if (addressType(host) !== undefined) continue;
    const followed = view.lookup({ name: absolute(host), type });
    answer.push(aliasRecord(name, ttl, host), ...(followed?.answer ?? []));
    truncated ||= followed?.truncated ?? false;
    unknown ??= followed?.unknown;
  }
  return { answer, truncated, ...(unknown !== undefined && { unknown }) };
}

function serviceResponse(view: View, { name }: DnsQuestion, candidates: readonly Candidate[]): Partial<DnsResponse> {
  const numbered = candidates.filter(({ host }) => addressType(host) !== undefined);
  const { answer, additional = [] } = serviceRecords(name, numbered, candidates.length);
  const owners = additional.map((record) => ({ ...record, ttl: view.external.ttl }));
  const seen = new Set<string>();
  let unknown: string | undefined;
  for (const { host, port, ttl } of candidates) {
    if (addressType(host) !== undefined || port < 0) continue;
    const target = absolute(host);
    const rdata = `0 ${srvWeight(candidates.length)} ${port} ${target}`;
    if (!answer.some((record) => record.rdata === rdata)) answer.push({ name, type: 'SRV', ttl, rdata });
    if (seen.has(target)) continue;
    seen.add(target);
    for (const type of ['A', 'AAAA']) {
      const followed = view.lookup({ name: target, type });
      owners.push(...(followed?.answer ?? []));
      unknown ??= followed?.unknown;
    }
  }
  return { answer, additional: owners, ...(unknown !== undefined && { unknown }) };
}

function recordsFor(view: View, question: DnsQuestion, candidates: readonly Candidate[]): Partial<DnsResponse> {
  if (question.type === 'A' || question.type === 'AAAA') return addresses(view, question, candidates);
  if (question.type === 'SRV') return serviceResponse(view, question, candidates);
  return {};
}

/** Undefined: the question is left to the plugins behind this one. */
export function answerExternal(
  objects: DnsObjects,
  config: KubernetesZones,
  external: ExternalZones,
  asked: DnsQuestion,
  lookup: DnsLookup,
): DnsResponse | undefined {
  const question = { ...asked, name: absolute(asked.name) };
  const name = question.name.toLowerCase();
  const zone = zoneOf(external.zones, name);
  if (zone === undefined) return undefined;
  const view: View = { objects, config, external, zone, lookup };
  if (external.zones.includes(name)) return apexResponse(view, question);
  if (external.zones.some((z) => isWithin(`${external.apex}.${z}`, name))) return nameserverResponse(view, question);
  const isPointer = question.type === 'PTR';
  const address = isPointer ? reverseAddress(name) : undefined;
  if (address !== undefined) {
    const reverse = reverseResponse(view, question.name, address);
    const passesOn = reverse.rcode === 'NXDOMAIN' && zoneOf(external.fallthrough, name) !== undefined;
    return passesOn ? undefined : reverse;
  }
  const { rcode, candidates, unknown } = find(view, name);
  if (unknown !== undefined) return response({ unknown });
  if (isPointer || candidates.length === 0) {
    if (rcode === 'NXDOMAIN' && zoneOf(external.fallthrough, name) !== undefined) return undefined;
    return response({ rcode, authority: [soa(view)] });
  }
  const records = response(recordsFor(view, question, candidates));
  return records.answer.length === 0 ? { ...records, authority: [soa(view)] } : records;
}
