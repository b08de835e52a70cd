/** From what a trace found to faults: which link of the chain each hint and reason stands for, and what is to blame. */
import type { Decisive, Hint, Outcome, TraceAnswer } from '../answer/answer.ts';
import { reasonRow } from '../answer/reasons.ts';
import type { Fault, LinkName } from './answer.ts';

/** What is wrong with objects, by the code of the hint that says so; those that come first in the chain stand first. */
const BY_HINT: Readonly<Record<string, LinkName>> = {
  'name-in-other-namespace': 'dns',
  'headless-port': 'service',
  'no-such-service-port': 'port',
  'target-port-name-missing': 'port',
  'target-port-protocol': 'port',
  'selector-other-namespace': 'selector',
  'selector-matches-nothing': 'selector',
  'pods-not-ready': 'readiness',
  'pods-over': 'readiness',
  'pods-terminating': 'readiness',
  'no-selector': 'endpoints',
  'slices-empty': 'endpoints',
  'endpoints-not-ready': 'readiness',
  'endpoints-terminating': 'readiness',
  'endpoints-port-name': 'endpoints',
  'endpoint-of-nobody': 'endpoints',
  'target-port-not-declared': 'port',
};

export function faultOfHint({ code, text, mend, object }: Hint): Fault | undefined {
  const link = BY_HINT[code];
  if (link === undefined) return undefined;
  return { link, code, text, ...(object && { object }), ...(mend !== undefined && { mend }) };
}

/** Where a packet was lost, by the reason that the machine gives. */
const BY_REASON: Readonly<Record<string, LinkName>> = {
  'no-listener': 'listener',
  rule: 'node-firewall',
  policy: 'node-firewall',
  'reject-rule': 'node-firewall',
  'rp-filter': 'route',
  'martian-source': 'route',
  'martian-destination': 'route',
  'forwarding-off': 'route',
  'server-boundary': 'nat',
  'no-server': 'endpoints',
  'no-ipvs-connection': 'nat',
  'ports-in-use': 'conntrack',
  'nat-exhausted': 'conntrack',
  'conntrack-full': 'conntrack',
  'fragments-missing': 'route',
  'route-blackhole': 'route',
  'link-down': 'route',
  'bridge-hairpin-off': 'bridge',
  'bridge-isolated': 'bridge',
  'other-host': 'bridge',
  'no-socket': 'nat',
  'no-route': 'route',
  'route-unreachable': 'route',
  'route-prohibit': 'route',
  'no-neighbor': 'route',
  'ttl-exceeded': 'route',
  'fragmentation-needed': 'overlay',
  'no-source-address': 'route',
  loop: 'route',
  'no-endpoints': 'endpoints',
  'no-backend': 'endpoints',
  'not-admitted': 'proxy-rule',
  'no-local-endpoint': 'proxy-rule',
  'node-port-not-served': 'proxy-rule',
  'source-range': 'proxy-rule',
  'no-such-service-port': 'port',
  'cluster-ip-from-outside': 'service',
  'no-address': 'service',
  'no-pods': 'selector',
  'no-pod-address': 'readiness',
  'no-node-address': 'route',
  'no-common-family': 'service',
};

/** What is used up: no route or rule is to blame. */
const LIMITS: Readonly<Record<string, string>> = {
  'nat-exhausted': 'the ports to translate sources to',
  'conntrack-full': 'net.netfilter.nf_conntrack_max',
};

function linkOfReason(reason: string): LinkName | undefined {
  return BY_REASON[reason];
}

/** The outcome that tells of the failure: of several, one that ends as the whole does. */
export function decidingOutcome({ groups, verdict }: TraceAnswer): Outcome | undefined {
  const group = groups.find((one) => one.verdict === verdict) ?? groups[0];
  return (
    group?.outcomes.find((one) => one.verdict === group.verdict) ??
    group?.outcomes.find((one) => one.verdict !== 'delivered')
  );
}

function decisiveOf(answer: TraceAnswer): Decisive | undefined {
  return answer.groups.find((one) => one.verdict === answer.verdict)?.decisive ?? decidingOutcome(answer)?.decisive;
}

/** Where nothing better is known: the reason itself, with the rule or route that decided. */
export function faultOfReason(answer: TraceAnswer): Fault | undefined {
  const link = linkOfReason(answer.reason);
  if (link === undefined) return undefined;
  const decisive = decisiveOf(answer);
  const { object, text, place } = decisive ?? {};
  const limit = LIMITS[answer.reason];
  if (limit !== undefined && place) {
    const { fix } = reasonRow(answer.reason) ?? {};
    const setting = `${limit} on ${place.name}`;
    return { link, code: answer.reason, text: answer.summary, setting, ...(fix !== undefined && { mend: fix }) };
  }
  const at = place === undefined ? '' : ` on ${place.name}`;
  return {
    link,
    code: answer.reason,
    text: answer.summary,
    ...(object && { object }),
    ...(!object && text !== undefined && { setting: `${text}${at}` }),
  };
}
