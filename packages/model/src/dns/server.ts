/**
 * A CoreDNS with its Corefile: which server block takes a question, and which of its plugins answers. Plugins run in CoreDNS's own order
 * (plugin.cfg), whatever the order in the file. A plugin that could answer and is not modelled makes the answer unknown, by its name.
 */
import { defaultZones, type KubernetesZones } from './candidates.ts';
import type { Corefile, Directive, ServerBlock } from './corefile.ts';
import { answerHosts, hostsTable } from './hosts.ts';
import { answerExternal, type ExternalZones } from './k8s-external.ts';
import { answerKubernetes } from './kubernetes.ts';
import { absolute, isWithin, labelsOf, zoneOf } from './names.ts';
import type { DnsObjects } from './objects.ts';
import type { DnsQuestion, DnsResponse } from './record.ts';

/** Those that may answer or change an answer, in the order of plugin.cfg; all others leave answers as they are. */
const ANSWERING = [
  'local',
  'dns64',
  'any',
  'rewrite',
  'acl',
  'template',
  'hosts',
  'route53',
  'azure',
  'clouddns',
  'k8s_external',
  'kubernetes',
  'file',
  'auto',
  'secondary',
  'etcd',
  'forward',
  'proxy',
  'grpc',
  'erratic',
  'whoami',
  'nomad',
];

/** Those that answer only below the zones they name, or below the server block's. */
const ZONED = new Set(['route53', 'azure', 'clouddns', 'file', 'auto', 'secondary', 'etcd', 'nomad', 'grpc']);

export interface ServerAnswer extends DnsResponse {
  /** The plugin that answered, and its line in the Corefile: `kubernetes`, `forward`, `no server block`. */
  by: string;
  line?: number;
  /** Servers that a forward plugin would ask. */
  forwardedTo?: string[];
}

export interface CoreDns {
  corefile: Corefile;
  objects: DnsObjects;
  /** Addresses that the server listens on. */
  ownAddresses: readonly string[];
  /** A file beside the Corefile: the other keys of its ConfigMap. */
  file: (path: string) => string | undefined;
}

function response(part: Partial<DnsResponse>): DnsResponse {
  return { rcode: 'NOERROR', answer: [], authority: [], additional: [], truncated: false, ...part };
}

/** The zones of a server block that answers plain DNS on port 53. */
function zonesOfBlock({ keys }: ServerBlock): string[] {
  return keys.flatMap((key) => {
    const [, transport, rest = key] = /^([a-z0-9]+):\/\/(.*)$/.exec(key) ?? [];
    if (transport !== undefined && transport !== 'dns') return [];
    const [, zone = rest, port = '53'] = /^(.*?)(?::(\d+))?$/.exec(rest) ?? [];
    return port === '53' ? zonesOf(zone) : [];
  });
}

/** A zone in words: `cluster.local`, or the reverse zones of `10.0.0.0/16`, which ends at an octet or a digit. */
function zonesOf(word: string): string[] {
  const [, address = '', length = ''] = /^([\d.]+)\/(\d+)$/.exec(word) ?? [];
  if (address === '') return [absolute(word).toLowerCase()];
  const octets = address.split('.').slice(0, Math.ceil(Number(length) / 8));
  return [`${octets.reverse().join('.')}.in-addr.arpa.`];
}

function zonesOrServer(words: readonly string[], server: readonly string[]): string[] {
  return words.length > 0 ? words.flatMap(zonesOf) : [...server];
}

function option(directive: Directive, name: string): string[] | undefined {
  return directive.lines.find(([word]) => word === name)?.slice(1);
}

function fallthroughOf(directive: Directive): string[] {
  const words = option(directive, 'fallthrough');
  if (!words) return [];
  return words.length > 0 ? words.flatMap(zonesOf) : ['.'];
}

/** The `kubernetes` directive's settings, and those of them that are not modelled. */
function kubernetesZones(
  directive: Directive,
  server: readonly string[],
  ownAddresses: readonly string[],
): { config: KubernetesZones; notModelled: string[] } {
  const pods = option(directive, 'pods')?.[0];
  const ttl = Number(option(directive, 'ttl')?.[0] ?? defaultZones.ttl);
  const namespaces = option(directive, 'namespaces');
  const notModelled = ['labels', 'namespace_labels'].filter((name) => option(directive, name) !== undefined);
  return {
    notModelled,
    config: {
      ...defaultZones,
      zones: zonesOrServer(directive.args, server),
      pods: pods === 'insecure' || pods === 'verified' ? pods : 'disabled',
      ttl: Number.isInteger(ttl) ? ttl : defaultZones.ttl,
      exposedNamespaces: namespaces ?? 'all',
      ignoreEmptyService: option(directive, 'ignore')?.[0] === 'empty_service',
      endpointPodNames: option(directive, 'endpoint_pod_names') !== undefined,
      zonal: option(directive, 'zonal') !== undefined,
      multiclusterZones: (option(directive, 'multicluster') ?? []).flatMap(zonesOf),
      endpoints: option(directive, 'noendpoints') === undefined,
      fallthrough: fallthroughOf(directive),
      ownAddresses,
    },
  };
}

function externalZones(directive: Directive, server: readonly string[]): ExternalZones {
  const [apex = 'dns'] = option(directive, 'apex') ?? [];
  const ttl = Number(option(directive, 'ttl')?.[0] ?? 5);
  return {
    zones: zonesOrServer(directive.args, server),
    ttl: Number.isInteger(ttl) ? ttl : 5,
    headless: option(directive, 'headless') !== undefined,
    apex,
    hostmaster: 'hostmaster',
    fallthrough: fallthroughOf(directive),
  };
}

interface Asking {
  server: CoreDns;
  block: ServerBlock;
  zones: string[];
  question: DnsQuestion;
  depth: number;
}

type Part = DnsResponse & { forwardedTo?: string[] };

function unknownPart(what: string): Part {
  return response({ unknown: what });
}

function text({ name, args }: Directive): string {
  return [name, ...args].join(' ');
}

/** Whether a `rewrite` rule may take the question: undefined for "surely not". */
function rewriteOf(directive: Directive, { name, type }: DnsQuestion): string | undefined {
  const words = ['stop', 'continue'].includes(directive.args[0] ?? '') ? directive.args.slice(1) : directive.args;
  const [field, ...rest] = words;
  const lower = name.toLowerCase();
  const known = ['exact', 'prefix', 'suffix', 'substring', 'regex'];
  if (field === 'type') return rest[0]?.toUpperCase() === type ? text(directive) : undefined;
  // These change no record of an answer.
  if (field === 'edns0' || field === 'ttl' || field === 'class') return undefined;
  if (field === 'rcode') return text(directive);
  const [how = 'exact', from = ''] = known.includes(rest[0] ?? '') ? rest : ['exact', rest[0] ?? ''];
  const wanted = from.toLowerCase();
  if (how === 'exact' && lower !== absolute(wanted)) return undefined;
  if (how === 'prefix' && !lower.startsWith(wanted)) return undefined;
  if (how === 'suffix' && !(lower.endsWith(wanted) || lower.endsWith(absolute(wanted)))) return undefined;
  if (how === 'substring' && !lower.includes(wanted)) return undefined;
  if (how === 'regex' && regexMisses(from, lower)) return undefined;
  return text(directive);
}

/** True where the pattern is one that both kinds of regular expression read alike, and it does not match. */
function regexMisses(pattern: string, name: string): boolean {
  if (/\(\?|\\[pPQEAzC]|\[\[/.test(pattern)) return false;
  try {
    return !new RegExp(pattern).test(name);
  } catch {
    return false;
  }
}

function templatePart(directive: Directive, { zones, question }: Asking): Part | undefined {
  const [className = 'ANY', type = 'ANY', ...words] = directive.args;
  const own = zonesOrServer(words, zones);
  if (!['IN', 'ANY'].includes(className.toUpperCase())) return undefined;
  if (![question.type, 'ANY'].includes(type.toUpperCase())) return undefined;
  if (zoneOf(own, question.name) === undefined) return undefined;
  const patterns = directive.lines.filter(([word]) => word === 'match').flatMap((words) => words.slice(1));
  if (patterns.length > 0 && patterns.every((pattern) => regexMisses(pattern, question.name.toLowerCase())))
    return undefined;
  return unknownPart(`${text(directive)} (line ${directive.line} of the Corefile)`);
}

/** A file stands for the nameservers in it. */
function serverName(to: string): string {
  return to.startsWith('/') ? `the nameserver in its own ${to}` : to;
}

function forwardPart(directive: Directive, { question }: Asking): Part | undefined {
  const [from = '.', ...to] = directive.args;
  if (zoneOf(zonesOf(from), question.name) === undefined) return undefined;
  const except = (option(directive, 'except') ?? []).flatMap(zonesOf);
  if (zoneOf(except, question.name) !== undefined) return undefined;
  return {
    ...unknownPart(`what ${to.map(serverName).join(', ')} answers for ${question.name} ${question.type}`),
    forwardedTo: to,
  };
}

function kubernetesPart(directive: Directive, asking: Asking): Part | undefined {
  const { server, zones, question } = asking;
  const { config, notModelled } = kubernetesZones(directive, zones, server.ownAddresses);
  if (zoneOf(config.zones, question.name) === undefined) return undefined;
  if (notModelled.length > 0) return unknownPart(`the kubernetes plugin's ${notModelled.join(' and ')}`);
  if (zoneOf(config.multiclusterZones, question.name) !== undefined)
    return unknownPart('the ServiceImports of a multicluster zone');
  return answerKubernetes(server.objects, config, question, (next) => again(asking, next));
}

function externalPart(directive: Directive, asking: Asking): Part | undefined {
  const { server, block, zones, question } = asking;
  const kubernetes = block.directives.find(({ name }) => name === 'kubernetes');
  if (!kubernetes) return undefined;
  const { config } = kubernetesZones(kubernetes, zones, server.ownAddresses);
  const external = externalZones(directive, zones);
  return answerExternal(server.objects, config, external, question, (next) => again(asking, next));
}

/** Deeper chains of aliases are cut by the plugins themselves. */
const DEPTH_MAX = 12;

function again({ server, depth }: Asking, question: DnsQuestion): DnsResponse | undefined {
  return depth >= DEPTH_MAX ? undefined : askAt(server, question, depth + 1);
}

function partOf(directive: Directive, asking: Asking): Part | undefined {
  const { server, zones, question } = asking;
  switch (directive.name) {
    case 'hosts':
      return answerHosts(hostsTable(directive, zones, server.file), question);
    case 'kubernetes':
      return kubernetesPart(directive, asking);
    case 'k8s_external':
      return externalPart(directive, asking);
    case 'forward':
    case 'proxy':
      return forwardPart(directive, asking);
    case 'template':
      return templatePart(directive, asking);
    case 'any':
      return question.type === 'ANY' ? unknownPart('the any plugin') : undefined;
    case 'local':
      return isWithin('localhost.', question.name) ? unknownPart('the local plugin') : undefined;
    case 'dns64':
      return question.type === 'AAAA' ? unknownPart('the dns64 plugin') : undefined;
    case 'rewrite': {
      const rule = rewriteOf(directive, question);
      return rule === undefined ? undefined : unknownPart(`${rule} (line ${directive.line} of the Corefile)`);
    }
  }
  const isElsewhere =
    ZONED.has(directive.name) &&
    zoneOf(
      zonesOrServer(
        directive.args.filter((word) => !word.includes('/')),
        zones,
      ),
      question.name,
    ) === undefined;
  return isElsewhere ? undefined : unknownPart(`the ${directive.name} plugin (line ${directive.line} of the Corefile)`);
}

/** The rules of a `rewrite` with braces are each a line. */
function rulesOf(directive: Directive): Directive[] {
  if (directive.name !== 'rewrite' || directive.args.length > 0 || directive.lines.length === 0) return [directive];
  return directive.lines.map((args) => ({ ...directive, args, lines: [] }));
}

function askAt(server: CoreDns, question: DnsQuestion, depth: number): ServerAnswer {
  let best: { block: ServerBlock; zones: string[]; zone: string } | undefined;
  for (const block of server.corefile.blocks) {
    const zones = zonesOfBlock(block);
    const zone = zoneOf(zones, question.name);
    if (zone === undefined) continue;
    if (!best || labelsOf(zone).length > labelsOf(best.zone).length) best = { block, zones, zone };
  }
  if (!best) return { ...response({ rcode: 'REFUSED' }), by: 'no server block' };
  const asking: Asking = { server, block: best.block, zones: best.zones, question, depth };
  for (const plugin of ANSWERING) {
    for (const directive of best.block.directives.filter(({ name }) => name === plugin).flatMap(rulesOf)) {
      const part = partOf(directive, asking);
      if (part) return { ...part, by: plugin, line: directive.line };
    }
  }
  return { ...response({ rcode: 'SERVFAIL' }), by: 'no plugin', line: best.block.line };
}

export function askServer(server: CoreDns, question: DnsQuestion): ServerAnswer {
  return askAt(server, { name: absolute(question.name), type: question.type.toUpperCase() }, 0);
}
