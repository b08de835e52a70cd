/** `/etc/resolv.conf` of pods, and the parts of writing it. */
import {
  dnsTypeOf,
  fitNameservers,
  fitSearches,
  formerSearchLimits,
  mergeOptions,
  type Pod,
  parseResolvConf,
  podResolvConf,
  type ResolvConf,
  searchLimits,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';

interface Inputs {
  parse: { resolvConf: string };
  searchLimits: { searches: string[]; expandedDNSConfig: boolean };
  nameserverLimits: { nameservers: string[] };
  mergeOptions: { existingOptions: string[]; dnsConfigOptions: { name: string; value?: string }[] };
  dnsType: { dnsPolicy: string; hostNetwork: boolean; clusterDNS: string[] };
  podResolvConf: {
    pod: Pod;
    kubelet: { clusterDNS: string[]; clusterDomain: string; nodeResolvConf: string | null };
  };
}

type Row = {
  [K in keyof Inputs]: { id: string; operation: K; input: Inputs[K]; expect: Record<string, unknown> };
}[keyof Inputs];

function eventText(event: { type: string; reason: string; message: string } | undefined): Record<string, unknown> {
  return { warning: event !== undefined, ...(event && { event: `${event.type} ${event.reason} ${event.message}` }) };
}

function errorOr(found: ResolvConf | { error: string }): Record<string, unknown> {
  return 'error' in found ? { error: true } : { ...found };
}

function operate(row: Row): Record<string, unknown> {
  switch (row.operation) {
    case 'parse':
      return errorOr(parseResolvConf(row.input.resolvConf));
    case 'searchLimits': {
      const limits = row.input.expandedDNSConfig ? searchLimits : formerSearchLimits;
      const { searches, event } = fitSearches(row.input.searches, limits);
      return { searches, ...eventText(event) };
    }
    case 'nameserverLimits': {
      const { nameservers, event } = fitNameservers(row.input.nameservers);
      return { nameservers, ...eventText(event) };
    }
    case 'mergeOptions':
      return { options: mergeOptions(row.input.existingOptions, row.input.dnsConfigOptions) };
    case 'dnsType': {
      const type = dnsTypeOf(row.input.dnsPolicy, row.input.hostNetwork);
      return type === undefined ? { error: true } : { type };
    }
    case 'podResolvConf': {
      const found = podResolvConf(row.input.pod, row.input.kubelet);
      return 'error' in found ? { error: true } : { ...found, searchesFirst: found.searches[0] };
    }
  }
}

function sorted(value: unknown): unknown {
  return Array.isArray(value) ? [...value].sort() : value;
}

function judge(row: Row): Outcome {
  const { optionsOrder, ...expected } = row.expect;
  const found = operate(row);
  for (const [key, value] of Object.entries(expected)) {
    const loose = key === 'options' && optionsOrder === 'any';
    const difference = loose ? firstDifference(sorted(value), sorted(found[key])) : firstDifference(value, found[key]);
    if (difference !== undefined) return fail(`${key}: ${difference}`);
  }
  return pass;
}

export const resolvConf: Kind = {
  kind: 'resolv-conf',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<Row>('cases.jsonl')) {
      yield { id: row.id, variant: row.operation, run: () => judge(row) };
    }
  },
};
