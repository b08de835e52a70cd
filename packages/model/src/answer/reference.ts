/** How people name the ends of a connection: `shop/web-7d9f`, `deploy/web`, `svc/api:http`, `tcp:api.shop:80`, `[fd00::1]:53`, `external`. */
import { parseAddress } from '@podwire/engine';
import { QuestionError } from './question-error.ts';

export type TransportName = 'tcp' | 'udp' | 'sctp' | 'icmp';

/** Kinds a reference can name, with the words kubectl takes for them. */
const KIND_WORDS = {
  pod: ['pod', 'pods', 'po'],
  service: ['service', 'services', 'svc'],
  node: ['node', 'nodes', 'no'],
  Deployment: ['deployment', 'deployments', 'deploy'],
  ReplicaSet: ['replicaset', 'replicasets', 'rs'],
  StatefulSet: ['statefulset', 'statefulsets', 'sts'],
  DaemonSet: ['daemonset', 'daemonsets', 'ds'],
  ReplicationController: ['replicationcontroller', 'replicationcontrollers', 'rc'],
  Job: ['job', 'jobs'],
  CronJob: ['cronjob', 'cronjobs', 'cj'],
} as const;

export type ReferenceKind = keyof typeof KIND_WORDS;

/** Networking kinds that people ask about and that are no end of a connection yet. */
const OTHER_KINDS = new Set([
  'ingress',
  'ing',
  'gateway',
  'gtw',
  'httproute',
  'grpcroute',
  'tlsroute',
  'tcproute',
  'udproute',
  'endpoints',
  'ep',
  'namespace',
  'ns',
]);

const KIND_OF_WORD = new Map<string, ReferenceKind>(
  (Object.keys(KIND_WORDS) as ReferenceKind[]).flatMap((kind) =>
    KIND_WORDS[kind].map((word): [string, ReferenceKind] => [word, kind]),
  ),
);

/** What stands between the parts of a reference, before any cluster is looked at. */
export type Target =
  | { kind: 'object'; of: ReferenceKind; namespace?: string; name: string }
  /** `web`, `shop/web`, `api.shop`: an object's or a DNS name. */
  | { kind: 'name'; namespace?: string; name: string }
  | { kind: 'address'; address: string }
  | { kind: 'external'; address?: string };

export interface Reference {
  /** As typed. */
  text: string;
  target: Target;
  protocol?: TransportName;
  /** Number, or the name of a Service port or container port. */
  port?: number | string;
}

const DNS_NAME = /^[a-z0-9_]([-a-z0-9_.]*[a-z0-9_])?\.?$/i;
const PORT_NAME = /^(?=.*[a-z])[a-z0-9]([-a-z0-9]*[a-z0-9])?$/i;

function bad(text: string, why: string, mend: string): QuestionError {
  return new QuestionError('bad-reference', `"${text}" ${why}`, { mend });
}

/** A number from 1 to 65535, or the name of a port. */
export function parsePort(text: string, whole = text): number | string {
  if (/^\d+$/.test(text)) {
    const port = Number(text);
    if (port < 1 || port > 65535)
      throw bad(whole, `has port ${text}, and ports go from 1 to 65535`, 'Name a port between 1 and 65535.');
    return port;
  }
  if (!PORT_NAME.test(text))
    throw bad(whole, `has no port after the last colon`, 'Write a number or a port name: svc/api:80, svc/api:http.');
  return text;
}

function parseAddressTarget(text: string, whole: string): { target: Target; port?: number | string } | undefined {
  const bracket = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracket) {
    const address = parseAddress(bracket[1] as string);
    if (!address)
      throw bad(whole, 'has no address between the brackets', 'Write an IPv6 address with a port as [fd00::1]:80.');
    return {
      target: { kind: 'address', address: bracket[1] as string },
      ...(bracket[2] !== undefined && { port: parsePort(bracket[2], whole) }),
    };
  }
  if (parseAddress(text)) return { target: { kind: 'address', address: text } };
  const colon = text.lastIndexOf(':');
  if (colon > 0 && /^[\d.]+$/.test(text.slice(0, colon))) {
    const host = text.slice(0, colon);
    if (!parseAddress(host))
      throw bad(
        whole,
        `names no IPv4 address (${host})`,
        'Write four numbers from 0 to 255 without leading zeros: 10.0.0.1.',
      );
    return { target: { kind: 'address', address: host }, port: parsePort(text.slice(colon + 1), whole) };
  }
  const slash = text.indexOf('/');
  if (slash > 0 && parseAddress(text.slice(0, slash)) && /^\d+$/.test(text.slice(slash + 1))) {
    throw bad(
      whole,
      'is a range of addresses, and a packet has one',
      `Name one address of it: ${text.slice(0, slash)}.`,
    );
  }
  if (/^[\d.]+$/.test(text) && text.split('.').length === 4) {
    throw bad(whole, 'names no IPv4 address', 'Write four numbers from 0 to 255 without leading zeros: 10.0.0.1.');
  }
  return undefined;
}

function parseNamed(text: string, whole: string): Target {
  const parts = text.split('/');
  if (parts.some((part) => part === '') || parts.length > 3) {
    throw bad(whole, 'is no reference', 'Write NAMESPACE/NAME, KIND/NAME, a DNS name, an address or external.');
  }
  const [first, second, third] = parts as [string, string?, string?];
  const name = parts[parts.length - 1] as string;
  if (!DNS_NAME.test(name))
    throw bad(whole, `holds a name no object can have (${name})`, 'Names are lower case letters, digits, "-" and ".".');
  if (second === undefined) return { kind: 'name', name: first };
  const of = KIND_OF_WORD.get(first.toLowerCase());
  if (third !== undefined) {
    if (!of)
      throw bad(
        whole,
        `starts with ${first}, which is no kind an end can have`,
        'Write KIND/NAMESPACE/NAME with pod, svc, deploy, sts, ds, rs, job or node.',
      );
    if (of === 'node') throw bad(whole, 'puts a node into a namespace', `Write node/${third}.`);
    return { kind: 'object', of, namespace: second, name: third };
  }
  if (of) return { kind: 'object', of, name: second };
  if (OTHER_KINDS.has(first.toLowerCase())) {
    throw bad(
      whole,
      `names a ${first}, which is no end of a connection that podwire traces`,
      'Name the Service or the pod behind it: svc/NAME, pod/NAME.',
    );
  }
  return { kind: 'name', namespace: first, name: second };
}

/**
 * Reads one end of a question. Throws `QuestionError` for what is no reference; whether the cluster has such an object is for `question.ts`.
 * A URL is taken for the connection it opens: `https://api.shop/health` is `tcp:api.shop:443`.
 */
export function parseReference(whole: string): Reference {
  let text = whole.trim();
  if (text === '')
    throw bad(whole, 'is empty', 'Name a pod, a workload, a Service, a node, an address, a DNS name or external.');
  let protocol: TransportName | undefined;
  let port: number | string | undefined;

  const url = /^(https?):\/\/([^/?#]+)/i.exec(text);
  if (url) {
    protocol = 'tcp';
    port = (url[1] as string).toLowerCase() === 'https' ? 443 : 80;
    text = url[2] as string;
  } else {
    const prefix = /^(tcp|udp|sctp|icmp):(.+)$/i.exec(text);
    if (prefix) {
      protocol = (prefix[1] as string).toLowerCase() as TransportName;
      text = prefix[2] as string;
    }
  }
  const rest = parseRest(text, whole);
  port = rest.port ?? port;
  if (protocol === 'icmp' && port !== undefined)
    throw bad(whole, 'gives ICMP a port', 'Leave the port out: ICMP has none.');
  return { text: whole, target: rest.target, ...(protocol && { protocol }), ...(port !== undefined && { port }) };
}

function parseRest(text: string, whole: string): { target: Target; port?: number | string } {
  const external = /^external(?::(.+))?$/i.exec(text);
  if (external) {
    if (external[1] === undefined) return { target: { kind: 'external' } };
    if (/^\d+$/.test(external[1])) return { target: { kind: 'external' }, port: parsePort(external[1], whole) };
    const inner = parseAddressTarget(external[1], whole);
    if (inner?.target.kind !== 'address')
      throw bad(whole, 'names no address outside', 'Write external:203.0.113.9 or external.');
    return {
      target: { kind: 'external', address: inner.target.address },
      ...(inner.port !== undefined && { port: inner.port }),
    };
  }
  const address = parseAddressTarget(text, whole);
  if (address) return address;
  const colon = text.lastIndexOf(':');
  if (colon < 0) return { target: parseNamed(text, whole) };
  if (text.indexOf(':') !== colon)
    throw bad(whole, 'has more than one colon', 'Write an IPv6 address with a port as [fd00::1]:80.');
  return { target: parseNamed(text.slice(0, colon), whole), port: parsePort(text.slice(colon + 1), whole) };
}

/** The word kubectl prints for a kind: `svc`, `deploy`. */
export function shortKind(kind: string): string {
  const words = {
    Pod: 'pod',
    Service: 'svc',
    Node: 'node',
    Deployment: 'deploy',
    StatefulSet: 'sts',
    DaemonSet: 'ds',
    ReplicaSet: 'rs',
    ReplicationController: 'rc',
    Job: 'job',
    CronJob: 'cj',
  };
  return (words as Record<string, string>)[kind] ?? kind.toLowerCase();
}
