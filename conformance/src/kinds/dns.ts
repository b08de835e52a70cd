/** Names as CoreDNS's kubernetes and k8s_external plugins answer them, and as the specification prescribes. */
import {
  answerExternal,
  answerKubernetes,
  type DnsCode,
  DnsObjects,
  type DnsQuestion,
  type DnsRecord,
  type DnsResponse,
  defaultZones,
  type EndpointSlice,
  type ExternalZones,
  type KubeObject,
  type KubernetesZones,
  type Namespace,
  type Pod,
  type Service,
  type ServiceImport,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';

type ExpectedRecord = Omit<DnsRecord, 'ttl'> & { ttl?: number };

interface DnsConfig {
  plugin: 'kubernetes' | 'k8s_external';
  zones?: string[];
  pods?: KubernetesZones['pods'];
  ttl?: number;
  exposedNamespaces?: string[] | 'all';
  ignoreEmptyService?: boolean;
  endpointPodNames?: boolean;
  zonal?: boolean;
  multiclusterZones?: string[];
  nameserverAddresses?: string[];
  apiSynced?: boolean;
  upstream?: { name: string; type: string; truncated?: boolean; rcode?: DnsCode; answer: DnsRecord[] }[];
  externalZones?: string[];
  headless?: boolean;
  apex?: string;
  hostmaster?: string;
}

interface DnsCase {
  id: string;
  objects: KubeObject[];
  config: DnsConfig;
  question: DnsQuestion;
  expect: {
    rcode: DnsCode;
    answer: ExpectedRecord[];
    authority?: ExpectedRecord[];
    additional?: ExpectedRecord[];
    truncated?: boolean;
  };
  caseSensitiveNames?: boolean;
}

function objectsOf(objects: readonly KubeObject[]): DnsObjects {
  const ofKind = <T extends KubeObject>(kind: string): T[] => objects.filter((o) => o.kind === kind) as T[];
  return new DnsObjects({
    namespaces: ofKind<Namespace>('Namespace'),
    services: ofKind<Service>('Service'),
    endpointSlices: ofKind<EndpointSlice>('EndpointSlice'),
    pods: ofKind<Pod>('Pod'),
    serviceImports: ofKind<ServiceImport>('ServiceImport'),
  });
}

function answerOf({ objects, config, question }: DnsCase): DnsResponse | undefined {
  const watched = objectsOf(objects);
  const lookup = (asked: DnsQuestion): DnsResponse | undefined => {
    const row = config.upstream?.find(
      (u) => u.name.toLowerCase() === asked.name.toLowerCase() && u.type === asked.type,
    );
    return (
      row && {
        rcode: row.rcode ?? 'NOERROR',
        answer: row.answer,
        authority: [],
        additional: [],
        truncated: row.truncated ?? false,
      }
    );
  };
  const zones: KubernetesZones = {
    ...defaultZones,
    zones: config.zones ?? [],
    ...(config.pods && { pods: config.pods }),
    ...(config.ttl !== undefined && { ttl: config.ttl }),
    ...(config.exposedNamespaces && { exposedNamespaces: config.exposedNamespaces }),
    ignoreEmptyService: config.ignoreEmptyService ?? false,
    endpointPodNames: config.endpointPodNames ?? false,
    zonal: config.zonal ?? false,
    multiclusterZones: config.multiclusterZones ?? [],
    ownAddresses: config.nameserverAddresses ?? [],
    synced: config.apiSynced ?? true,
  };
  if (config.plugin === 'kubernetes') return answerKubernetes(watched, zones, question, lookup);
  const external: ExternalZones = {
    zones: config.externalZones ?? [],
    ttl: config.ttl ?? 5,
    headless: config.headless ?? false,
    apex: config.apex ?? 'dns',
    hostmaster: config.hostmaster ?? 'hostmaster',
    fallthrough: [],
  };
  return answerExternal(watched, zones, external, question, lookup);
}

/** `*` stands for any one token. */
function sameData(expected: string, found: string, fold: (text: string) => string): boolean {
  const wanted = expected.split(/\s+/);
  const tokens = found.split(/\s+/);
  return wanted.length === tokens.length && wanted.every((t, i) => t === '*' || fold(t) === fold(tokens[i] as string));
}

function text({ name, type, ttl, rdata }: ExpectedRecord): string {
  return `${name} ${ttl ?? '*'} ${type} ${rdata}`;
}

function missing(
  section: string,
  expected: readonly ExpectedRecord[] | undefined,
  found: readonly DnsRecord[],
  fold: (text: string) => string,
): string | undefined {
  if (expected === undefined) return undefined;
  const left = [...found];
  for (const wanted of expected) {
    const at = left.findIndex(
      (r) =>
        r.type === wanted.type &&
        fold(r.name) === fold(wanted.name) &&
        (wanted.ttl === undefined || wanted.ttl === r.ttl) &&
        sameData(wanted.rdata, r.rdata, fold),
    );
    if (at < 0) return `${section}: expected ${text(wanted)}, found ${left.map(text).join('; ') || 'no more records'}`;
    left.splice(at, 1);
  }
  return left.length === 0 ? undefined : `${section}: unexpected ${left.map(text).join('; ')}`;
}

function judge(row: DnsCase): Outcome {
  const found = answerOf(row);
  if (!found) return fail('no answer');
  const { expect, caseSensitiveNames } = row;
  const fold = (name: string): string => (caseSensitiveNames ? name : name.toLowerCase());
  if (found.rcode !== expect.rcode) return fail(`expected ${expect.rcode}, found ${found.rcode}`);
  if (found.truncated !== (expect.truncated ?? false)) return fail(`truncated: ${found.truncated}`);
  if (found.unknown !== undefined) return fail(`not known: ${found.unknown}`);
  const why =
    missing('answer', expect.answer, found.answer, fold) ??
    missing('authority', expect.authority, found.authority, fold) ??
    missing('additional', expect.additional, found.additional, fold);
  return why === undefined ? pass : fail(why);
}

export const dns: Kind = {
  kind: 'dns',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<DnsCase>('cases.jsonl')) {
      yield { id: row.id, variant: row.config.plugin, run: () => judge(row) };
    }
  },
};
