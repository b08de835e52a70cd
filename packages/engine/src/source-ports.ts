/**
 * UDP source ports of tunnels. Linux makes them of a hash of the inner flow (udp_flow_src_port), so that nobody can say which one it is.
 * What can be said is which ports the rules of a network tell apart: within such a class all ports have one fate.
 */
import { findSet } from './find-set.ts';
import type { Netns } from './network.ts';
import { plainStatements } from './plain.ts';
import type { Match, PortRange, Statement, Table } from './rule.ts';
import type { Selector, SetRef, ValueRange } from './selector.ts';
import type { Sysctls } from './sysctl.ts';

/** Ports with one fate: the first, and how many. */
export interface PortClass {
  first: number;
  count: number;
}

/** Where the port shows: the destination port is the other end's. */
const PORTS = new Set<string>(['th sport', 'ct original proto-src', 'ct reply proto-dst']);
const LOCAL_PORTS = { from: 32768, to: 60999 };
/** geneve_xmit_skb draws from all of them but 0. */
const GENEVE_PORTS = { from: 1, to: 65535 };

/** `net.ipv4.ip_local_port_range` (inet_get_local_port_range). */
function localPorts(sysctls: Sysctls): PortRange {
  const [from, to] = String(sysctls['net.ipv4.ip_local_port_range'] ?? '')
    .trim()
    .split(/\s+/)
    .map(Number);
  const isPort = (port: number | undefined): port is number => Number.isInteger(port) && (port as number) > 0;
  if (!isPort(from)) return LOCAL_PORTS;
  return { from, to: isPort(to) && to >= from ? to : LOCAL_PORTS.to };
}

/** Where rules begin to see another port. */
class Cuts {
  readonly #cuts = new Set<number>();
  readonly #seen = new Set<object>();

  get sorted(): number[] {
    return [...this.#cuts].sort((a, b) => a - b);
  }

  #range(range: PortRange | undefined): void {
    if (!range) return;
    this.#cuts.add(range.from);
    this.#cuts.add(range.to + 1);
  }

  #value(value: ValueRange | undefined): void {
    if (typeof value === 'number') this.#range({ from: value, to: value });
    else if (typeof value === 'object') this.#range({ from: Number(value.from), to: Number(value.to) });
  }

  #places(key: readonly Selector[]): number[] {
    return key.flatMap(({ field }, i) => (PORTS.has(field) ? [i] : []));
  }

  #set(ref: SetRef, key: readonly Selector[], table: Table): void {
    const places = this.#places(key);
    if (places.length === 0) return;
    const set = typeof ref === 'string' ? findSet(table, ref) : ref;
    for (const element of set?.elements ?? [])
      if (element.key !== '*') for (const i of places) this.#value(element.key[i]);
  }

  #match(match: Match, netns: Netns, table: Table): void {
    switch (match.kind) {
      case 'udp':
        this.#range(match.sport);
        break;
      case 'multiport':
        if (match.which !== 'destination') for (const range of match.ports) this.#range(range);
        break;
      case 'conntrack':
        this.#range(match.origSrcPort);
        this.#range(match.replDstPort);
        break;
      case 'set':
        this.#ipset(netns, match.set, match.flags);
        break;
      case 'compare':
        for (const i of this.#places(match.key)) this.#value(match.values[i]);
        break;
      case 'lookup':
        this.#set(match.set, match.key, table);
        break;
    }
  }

  /** `10.0.0.1,udp:53`, `1024-2048`: whatever is a port in it. */
  #ipset(netns: Netns, name: string, flags: readonly string[]): void {
    const set = netns.sets?.find((one) => one.name === name);
    const at = set?.type.replace(/^\w+:/, '').split(',').indexOf('port') ?? -1;
    if (!set || at < 0 || flags[at] !== 'src') return;
    for (const { value } of set.entries) {
      const text = value.split(',')[at]?.replace(/^.*:/, '') ?? '';
      const [from, to] = text.split('-').map(Number);
      if (from !== undefined && Number.isInteger(from)) this.#range({ from, to: to ?? from });
    }
  }

  #statement(statement: Statement, netns: Netns, table: Table): void {
    if (statement.kind === 'verdict-map') this.#set(statement.map, statement.key, table);
    else if ('value' in statement && typeof statement.value === 'object' && statement.value.kind === 'map')
      this.#set(statement.value.map, statement.value.key, table);
    else this.#match(statement as Match, netns, table);
  }

  add(netns: Netns): void {
    for (const { sport } of netns.rules ?? []) this.#range(sport);
    for (const table of netns.netfilter)
      for (let level: Table | undefined = table; level; level = level.base) {
        for (const chain of level.chains) {
          // Chains are shared; those that ask for a namespace's own ipsets are few.
          if (this.#seen.has(chain) && !netns.sets) continue;
          this.#seen.add(chain);
          for (const { body } of chain.rules)
            for (const statement of plainStatements(body)) this.#statement(statement, netns, table);
        }
      }
  }
}

/** The classes of a network's tunnels; rules are looked through when the first one asks. */
export class SourcePorts {
  #cuts: readonly number[] | undefined;
  readonly #netnses: readonly Netns[];

  constructor(netnses: readonly Netns[]) {
    this.#netnses = netnses;
  }

  /** In ascending order, by the tunnel's kind and the settings of the namespace that routes its outer packets. */
  of(kind: string, underlay: Sysctls): PortClass[] {
    if (!this.#cuts) {
      const cuts = new Cuts();
      for (const netns of this.#netnses) cuts.add(netns);
      this.#cuts = cuts.sorted;
    }
    // The last port is never drawn.
    const { from, to } = kind === 'geneve' ? GENEVE_PORTS : localPorts(underlay);
    const end = Math.max(to, from + 1);
    const firsts = [from, ...this.#cuts.filter((cut) => cut > from && cut < end)];
    return firsts.map((first, i) => ({ first, count: (firsts[i + 1] ?? end) - first }));
  }
}
