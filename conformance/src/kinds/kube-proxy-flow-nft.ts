/** The walk of `kube-proxy-flow` through nftables: what upstream's own tracer of that mode does, over the machine's statements. */
import {
  type Chain,
  CtState,
  containsAddress,
  type NftSet,
  type NftVerdict,
  parseAddress,
  parsePrefix,
  RouteType,
  type Rule,
  type Selector,
  type SetRef,
  type Statement,
  type Table,
  type ValueRange,
} from '@podwire/engine';
import type { Fate, Packet } from './kube-proxy-flow.ts';

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 };

const HAIRPIN = 'hairpin-connections';

type Value = string | number;

/** How a chain ended: for good, back to its caller, or with whatever comes next. */
type Ending = 'decided' | 'returned' | 'over';

const compareText = (a: Value, b: Value) => String(a) === String(b);

function isWithin(value: Value, range: ValueRange): boolean {
  if (typeof range !== 'object') return compareText(value, range);
  if (typeof value === 'number') return Number(range.from) <= value && value <= Number(range.to);
  const [at, from, to] = [value, range.from, range.to].map((text) => parseAddress(String(text)));
  if (!at || !from || !to) return false;
  const order = (a: readonly number[], b: readonly number[]) =>
    a.map((word, i) => (word >>> 0) - ((b[i] as number) >>> 0)).find((difference) => difference !== 0) ?? 0;
  return order(from.words, at.words) <= 0 && order(at.words, to.words) <= 0;
}

export class NftTracer {
  readonly outputs: string[] = [];
  masquerade = false;
  #mark = 0;
  readonly #chains = new Map<string, Chain>();
  readonly #sets = new Map<string, NftSet>();
  readonly #localIPs: ReadonlySet<string>;
  readonly #packet: Packet;

  constructor(tables: readonly Table[], localIPs: readonly string[], packet: Packet) {
    for (const own of tables) {
      for (let table: Table | undefined = own; table; table = table.base) {
        for (const chain of table.chains) if (!this.#chains.has(chain.name)) this.#chains.set(chain.name, chain);
        for (const set of table.sets ?? []) if (!this.#sets.has(set.name ?? '')) this.#sets.set(set.name ?? '', set);
      }
    }
    this.#localIPs = new Set(localIPs);
    this.#packet = { ...packet };
  }

  /** A packet sent by the node goes the same way. The first endpoint stands for all that it may come to. */
  trace(): Fate {
    this.#base('filter-prerouting-pre-dnat');
    this.#base('nat-prerouting');
    const [first] = this.outputs;
    if (first !== undefined && this.#verdict === '') {
      const at = first.lastIndexOf(':');
      this.#packet.destIP = first.slice(0, at).replace(/^\[|\]$/g, '');
      this.#packet.destPort = Number(first.slice(at + 1));
    }
    for (const name of ['filter-forward', 'filter-input', 'nat-postrouting']) this.#base(name);
    const verdict = this.#verdict;
    const endpoints = this.outputs.filter((output) => output !== verdict);
    return { endpoints, verdict, masquerade: verdict === '' ? this.masquerade : null };
  }

  get #verdict(): Fate['verdict'] {
    return (['DROP', 'REJECT'] as const).find((word) => this.outputs.includes(word)) ?? '';
  }

  /** Until something is dropped or rejected. A given ruleset need not have every base chain. */
  #base(name: string): void {
    if (this.#verdict === '' && this.#chains.has(name)) this.#run(name);
  }

  #run(name: string): Ending {
    const chain = this.#chains.get(name);
    if (!chain) throw new Error(`no chain ${name}`);
    for (const rule of chain.rules) {
      const ending = this.#apply(rule);
      if (ending !== undefined) return ending === 'returned' ? 'over' : ending;
    }
    return 'over';
  }

  /** Undefined: the next rule comes. */
  #apply(rule: Rule): Ending | undefined {
    for (const statement of rule.body) {
      const done = this.#statement(statement);
      if (done === 'no match') return undefined;
      if (done !== 'on') return done === 'next rule' ? undefined : done;
    }
    return undefined;
  }

  #statement(statement: Statement): Ending | 'on' | 'no match' | 'next rule' {
    switch (statement.kind) {
      case 'jump':
        return this.#follow({ kind: 'jump', chain: statement.chain });
      case 'goto':
        return this.#follow({ kind: 'goto', chain: statement.chain });
      case 'return':
        return 'returned';
      case 'drop':
        return this.#end('DROP');
      case 'reject':
        return this.#end('REJECT');
      case 'accept':
        return 'decided';
      case 'verdict-map':
        return this.#verdictMap(statement.key, statement.map);
      case 'dnat': {
        const { addresses, ports } = statement.range;
        return this.#translate([`${addresses?.from}`], [ports?.from ?? 0]);
      }
      case 'nat-to': {
        if (statement.value.kind !== 'map') throw new Error('a translation to something other than a map');
        const data = this.#set(statement.value.map).elements.map((element) => element.data ?? []);
        return this.#translate(
          data.map(([ip]) => String(ip)),
          data.map(([, port]) => Number(port)),
        );
      }
      case 'masquerade':
        this.masquerade = true;
        return 'decided';
      case 'set-mark':
        this.#mark = ((this.#mark & ~statement.mask) ^ statement.value) >>> 0;
        return 'on';
      default:
        return this.#holds(statement) ? 'on' : 'no match';
    }
  }

  #end(output: 'DROP' | 'REJECT'): Ending {
    this.outputs.push(output);
    return 'decided';
  }

  #translate(ips: readonly string[], ports: readonly number[]): Ending {
    ips.forEach((ip, i) => {
      this.outputs.push(`${ip.includes(':') ? `[${ip}]` : ip}:${ports[i]}`);
    });
    return 'decided';
  }

  #follow(verdict: NftVerdict): Ending | 'next rule' {
    switch (verdict.kind) {
      case 'jump':
        return this.#run(verdict.chain) === 'decided' ? 'decided' : 'next rule';
      case 'goto':
        return this.#run(verdict.chain);
      case 'drop':
        return this.#end('DROP');
      case 'accept':
        return 'decided';
      case 'return':
        return 'returned';
      default:
        return 'next rule';
    }
  }

  /** Of a random number every element is followed. */
  #verdictMap(key: readonly Selector[], map: SetRef): Ending | 'no match' | 'next rule' {
    const { elements } = this.#set(map);
    if (key.some(({ field }) => field === 'numgen')) {
      for (const { verdict } of elements) if (verdict) this.#follow(verdict);
      return 'decided';
    }
    const values = key.map((selector) => this.#value(selector));
    const found = elements.find(
      (element) => element.key !== '*' && element.key.every((k, i) => isWithin(values[i] as Value, k)),
    );
    return found?.verdict ? this.#follow(found.verdict) : 'no match';
  }

  #set(ref: SetRef): NftSet {
    const set = typeof ref === 'string' ? this.#sets.get(ref) : ref;
    if (!set) throw new Error(`no set ${String(ref)}`);
    return set;
  }

  #value(selector: Selector): Value {
    const { sourceIP, destIP, destPort, protocol } = this.#packet;
    const type = (ip: string) => (this.#localIPs.has(ip) ? RouteType.LOCAL : RouteType.UNICAST);
    switch (selector.field) {
      case 'ip saddr':
      case 'ip6 saddr':
        return sourceIP;
      case 'ip daddr':
      case 'ip6 daddr':
        return destIP;
      case 'meta l4proto':
        return PROTOCOLS[protocol];
      case 'th dport':
        return destPort;
      case 'fib':
        return type(selector.flags.includes('saddr') ? sourceIP : destIP);
      case 'meta mark':
        return ((this.#mark & Number(selector.mask ?? 0xffffffff)) ^ Number(selector.xor ?? 0)) >>> 0;
      case 'ct status':
        // Translated packets are all that is asked for.
        return this.outputs.length > 0 ? Number(selector.mask ?? 0) : 0;
      default:
        throw new Error(`the walk knows nothing of ${selector.field}`);
    }
  }

  #holds(match: Statement): boolean {
    const { sourceIP, destIP, destPort, protocol } = this.#packet;
    switch (match.kind) {
      case 'saddr':
        return includes(match.prefix, sourceIP) !== (match.not ?? false);
      case 'daddr':
        return includes(match.prefix, destIP) !== (match.not ?? false);
      case 'protocol':
        return (match.protocol === PROTOCOLS[protocol]) !== (match.not ?? false);
      case 'tcp':
      case 'udp':
      case 'sctp': {
        const ports = match.dport;
        return match.kind === protocol && (ports === undefined || (ports.from <= destPort && destPort <= ports.to));
      }
      case 'state':
        return ((match.states & CtState.NEW) !== 0) !== (match.not ?? false);
      case 'mark':
        return ((this.#mark & match.mask) >>> 0 === match.value) !== (match.not ?? false);
      case 'compare': {
        const [selector, value] = [match.key[0], match.values[0]];
        if (!selector || value === undefined || match.key.length > 1) throw new Error('a comparison of several values');
        const equal = isWithin(this.#value(selector), value);
        if (match.op !== 'eq' && match.op !== 'ne') throw new Error(`the walk knows nothing of ${match.op}`);
        return equal === (match.op === 'eq');
      }
      case 'lookup': {
        // Upstream's tracer asks for the address alone, wherever the endpoint runs.
        if (match.set === HAIRPIN) return sourceIP === destIP;
        const values = match.key.map((selector) => this.#value(selector));
        const found = this.#set(match.set).elements.some(
          ({ key }) => key !== '*' && key.every((part, i) => isWithin(values[i] as Value, part)),
        );
        return found !== (match.not ?? false);
      }
      case 'set-update':
      case 'comment':
        return true;
      default:
        throw new Error(`the walk knows nothing of ${match.kind}`);
    }
  }
}

function includes(prefix: string, ip: string): boolean {
  const [network, address] = [parsePrefix(prefix), parseAddress(ip)];
  return network !== undefined && address !== undefined && containsAddress(network, address);
}
