/** Settings of dumped nodes that break packets, whatever is asked. */
import { addressOwner } from '../why/addresses.ts';
import { overlayFault } from '../why/overlay.ts';
import { dumpParts } from '../why/parts.ts';
import type { Finding } from './answer.ts';
import type { Looking } from './look.ts';

/** What a dump shows that no node of a cluster can do without. */
const ALWAYS = new Set(['sysctl', 'proxy-rules-missing', 'hairpin-off', 'listener-loopback', 'stale-connection']);
/** Settings that hurt some packets only: they are worth a look. */
const SOMETIMES = /rp_filter|route_localnet|be_liberal|conntrack_max|disable_ipv6/;

/** What agents tell of the overlay. */
export function checkOverlay({ session, provenance }: Looking): Finding[] {
  const fault = overlayFault(session.cluster, provenance);
  if (!fault) return [];
  const { code, text, mend, object } = fault;
  return [{ rank: 'broken', code, text, ...(mend !== undefined && { mend }), ...(object && { object }) }];
}

export function checkNodes({ session }: Looking): Finding[] {
  const { nodes, pods } = session.dumps;
  const isKnown = addressOwner(session.cluster);
  const parts = [
    ...nodes.flatMap((dump) => dumpParts(dump.name, dump, isKnown)),
    ...pods.flatMap(({ pod, dump }) => dumpParts(`pod ${pod}`, dump, isKnown)),
  ];
  return parts
    .filter(({ code, setting }) => ALWAYS.has(code) && !SOMETIMES.test(setting))
    .map(({ code, text, mend, setting }): Finding => ({ rank: 'broken', code, text, mend, setting }));
}
