/** What had to be assumed or is not modelled, and touched this answer. */
import { confAny, type Netns, type Step } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import type { AddressKind, Note } from './answer.ts';
import { causeNotModelled } from './cause.ts';
import type { Path } from './paths.ts';

export interface NoteBook {
  add(note: Note): void;
  all(): Note[];
}

/** Each note once, in the order first met. */
export function noteBook(): NoteBook {
  const notes = new Map<string, Note>();
  return {
    add(note) {
      const key = `${note.code} ${note.text}`;
      if (!notes.has(key)) notes.set(key, note);
    },
    all: () => [...notes.values()],
  };
}

function causesOf(step: Step): unknown[] {
  switch (step.kind) {
    case 'rule':
      return [step.rule.cause];
    case 'unanswered':
      return [step.chain.rules[step.index]?.cause];
    case 'route':
      return [step.route?.cause, step.rule?.cause];
    case 'enter':
      return [step.link?.cause];
    case 'transmit':
      return [step.link.cause];
    case 'bridge':
      return [step.bridge.cause];
    default:
      return [];
  }
}

/** Hosts that forward a packet out of the link that it came in by: their redirects are not walked (ip_route_send_redirect, ndisc_send_redirect). */
function noteRedirects(steps: readonly Step[], notes: NoteBook): void {
  let came: { netns: Netns; dev: string } | undefined;
  for (const [i, step] of steps.entries()) {
    if (step.kind === 'enter') {
      const { link, netns } = step;
      const isPort = netns.links.some(({ name, kind }) => name === link?.master && kind === 'bridge');
      came = link && { netns, dev: (isPort && link.master) || link.name };
    }
    if (step.kind !== 'route' || step.purpose !== 'input' || step.local || !came) continue;
    const { netns, dev } = came;
    if (step.netns !== netns || step.nexthop?.dev !== dev) continue;
    const family = step.route?.family ?? 4;
    if (family === 4 && !confAny(netns.sysctls, 4, dev, 'send_redirects')) continue;
    // Bridge netfilter routes what it then bridges all the same.
    const next = steps.slice(i + 1).find(({ kind }) => kind === 'bridge' || kind === 'transmit');
    if (next?.kind === 'bridge' && next.from) continue;
    notes.add({
      kind: 'caveat',
      code: 'redirects',
      text: `${netns.name} sends the packet out of ${dev}, by which it came: Linux tells the sender of the nearer way (an ICMP redirect), and a sender that accepts redirects takes that way for the next packets. podwire sends none.`,
      settle: `sysctl net.ipv${family}.conf.all.accept_redirects of the sender`,
    });
  }
}

/** Constructs of the network plugin that stood in for something simpler on the way. */
export function notePath(path: Path, notes: NoteBook): void {
  for (const walk of [path.conversation.there, path.conversation.back]) {
    noteRedirects(walk?.steps ?? [], notes);
    for (const step of walk?.steps ?? []) {
      for (const cause of causesOf(step)) {
        const notModelled = causeNotModelled(cause);
        if (!notModelled) continue;
        notes.add({
          kind: 'caveat',
          code: 'cni-not-modelled',
          text: `The way crosses a ${notModelled.construct} of ${notModelled.cni}, which podwire treats as a plain link.`,
        });
      }
    }
  }
}

/** Assumptions that touch only questions about some kinds of addresses; all others touch every answer. */
const ONLY_FOR: Readonly<Record<string, readonly AddressKind[]>> = {
  'made-load-balancers': ['loadBalancerIP'],
  'made-node-ports': ['nodePort', 'loadBalancerIP'],
  'made-cluster-ips': ['clusterIP'],
  'redacted-cluster-ips': ['clusterIP'],
  'computed-slices': ['clusterIP', 'nodePort', 'externalIP', 'loadBalancerIP'],
  'proxy-mode-not-modelled': ['clusterIP', 'nodePort', 'externalIP', 'loadBalancerIP'],
};

/** The cluster's own assumptions: every answer stands on the nodes, addresses and networks that were made. */
export function noteAssumptions(cluster: Cluster, kinds: ReadonlySet<AddressKind>, notes: NoteBook): void {
  for (const { code, text, settle } of cluster.assumptions) {
    const only = ONLY_FOR[code];
    if (only && !only.some((kind) => kinds.has(kind))) continue;
    notes.add({ kind: 'assumption', code, text, ...(settle !== undefined && { settle }) });
  }
}
