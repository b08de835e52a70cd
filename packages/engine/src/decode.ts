/** The engine's records as the objects of `walk.ts`. Nothing here changes memory. */
import type { Abi } from './abi.ts';
import { formatAddress, type Words } from './address.ts';
import { getWords } from './arena.ts';
import { Asked, RoutePurpose, StepKind } from './codes.ts';
import { CtStatus, SctpState, TcpState } from './ct-codes.ts';
import { frontendAt, readBalance } from './decode-balance.ts';
import { readElement } from './decode-element.ts';
import { readIpvs, serviceAt } from './decode-ipvs.ts';
import { DERIVED } from './encode-local.ts';
import type { Objects } from './encoding.ts';
import { EngineError } from './errors.ts';
import { localRoutes } from './local-table.ts';
import type { ConntrackEntry, Link, Netns, Route, Tuple } from './network.ts';
import type { Family } from './packet.ts';
import { readPacket } from './packet-record.ts';
import type { Rule, Statement } from './rule.ts';
import type { NftElement } from './selector.ts';
import { ChoiceKind, Protocol, Reason, RouteType, Verdict } from './terms.ts';
import type { Views } from './views.ts';
import type { Choice, End, Step } from './walk.ts';

const PURPOSES = {
  [RoutePurpose.INPUT]: 'input',
  [RoutePurpose.OUTPUT]: 'output',
  [RoutePurpose.REROUTE]: 'reroute',
} as const;

/** `binding` of a step that IPVS made. */
const BY_IPVS = 2;

/** The reasons of ends that a rule or a policy is behind. */
const BY_RULE: ReadonlySet<Reason> = new Set([Reason.RULE, Reason.POLICY, Reason.REJECT_RULE]);

/** Flags of the set that a match names, one for each dimension. */
const setText = (statement: Statement & { kind: 'set' }): string =>
  `-m set ${statement.not ? '! ' : ''}--match-set ${statement.set} ${statement.flags.join(',')}`;

function textOf(statement: Statement | undefined): string | undefined {
  switch (statement?.kind) {
    case 'limit':
    case 'unmodelled':
    case 'unmodelled-target':
    case 'queue':
    case 'owner':
      return statement.text;
    case 'set':
      return setText(statement);
    default:
      return undefined;
  }
}

/** The chain that a rule jumps to: that of the element it found in a map of verdicts, or its own. */
function targetOf(rule: Rule, element: NftElement | undefined): string | undefined {
  const verdict = element?.verdict;
  if (verdict?.kind === 'jump' || verdict?.kind === 'goto') return verdict.chain;
  for (const statement of rule.body) if (statement.kind === 'jump' || statement.kind === 'goto') return statement.chain;
  return undefined;
}

const routeKey = ({ type, destination, nexthops }: Route): string => `${type} ${destination} ${nexthops[0]?.dev}`;

export class Decoder {
  readonly #abi: Abi;
  readonly #views: Views;
  readonly #objects: Objects;
  /** Routes that the kernel made by itself, by namespace: derived when a walk first meets one. */
  readonly #localRoutes = new Map<number, Map<string, Route>>();
  #clock = 0;

  constructor(abi: Abi, views: Views, objects: Objects) {
    this.#abi = abi;
    this.#views = views;
    this.#objects = objects;
  }

  #u32(at: number): number {
    return this.#views.u32[at >>> 2] as number;
  }

  #u16(at: number): number {
    return this.#views.u16[at >>> 1] as number;
  }

  #u8(at: number): number {
    return this.#views.u8[at] as number;
  }

  #address(at: number, family: number): string {
    const words: Words = getWords(this.#views.u32, at);
    return formatAddress({ family: family as Family, words });
  }

  #netns(number: number): Netns {
    return item(this.#objects.netnses, number);
  }

  /** A link's record, by its address. */
  #link(at: number): { link: Link; netns: number } {
    const number = this.#u32(at + this.#abi.LINK_ID);
    const { links, netnses } = this.#objects.links;
    return { link: item(links, number), netns: item(netnses, number) };
  }

  /** `clock`: milliseconds on the machine's clock. */
  steps(length: number, clock: number): Step[] {
    this.#clock = clock;
    const abi = this.#abi;
    const steps: Step[] = [];
    const end = abi.TRACE_BASE + length;
    for (let at = abi.TRACE_BASE; at < end; at += this.#u16(at + abi.STEP_LENGTH)) steps.push(this.#step(at));
    return steps;
  }

  #step(at: number): Step {
    const abi = this.#abi;
    const netns = this.#netns(this.#u32(at + abi.STEP_NETNS));
    const kind: StepKind = this.#u16(at + abi.STEP_KIND);
    switch (kind) {
      case StepKind.ENTER: {
        const link = this.#u32(at + abi.ENTER_LINK);
        const packet = readPacket(abi, this.#views, at + abi.ENTER_PACKET);
        return link === 0
          ? { kind: 'enter', netns, packet }
          : { kind: 'enter', netns, link: this.#link(link).link, packet };
      }
      case StepKind.ENCAPSULATE:
      case StepKind.DECAPSULATE: {
        const { link } = this.#link(this.#u32(at + abi.ENTER_LINK));
        const packet = readPacket(abi, this.#views, at + abi.ENTER_PACKET);
        return { kind: kind === StepKind.ENCAPSULATE ? 'encapsulate' : 'decapsulate', netns, link, packet };
      }
      case StepKind.CONNTRACK: {
        const state = this.#u16(at + abi.CT_STEP_STATE);
        const direction = this.#u16(at + abi.CT_STEP_DIRECTION);
        const zone = this.#u16(at + abi.CT_STEP_ZONE);
        const step: Step = { kind: 'conntrack', netns, state, direction, zone };
        if (this.#u16(at + abi.CT_STEP_ENTRY) !== 0) step.entry = this.entry(at + abi.CT_STEP_FLOW, this.#clock);
        return step;
      }
      case StepKind.RULE:
        return this.#rule(at, netns);
      case StepKind.UNANSWERED:
        return {
          kind: 'unanswered',
          netns,
          hook: this.#u8(at + abi.RULE_STEP_HOOK),
          table: item(this.#objects.tables, this.#u32(at + abi.RULE_STEP_TABLE)),
          chain: item(this.#objects.chains, this.#u32(at + abi.RULE_STEP_CHAIN)),
          index: this.#u32(at + abi.RULE_STEP_INDEX),
          which: this.#u8(at + abi.RULE_STEP_VERDICT) === Asked.QUESTION ? 'question' : 'answer',
        };
      case StepKind.CHAIN:
        return {
          kind: 'chain',
          netns,
          hook: this.#u8(at + abi.RULE_STEP_HOOK),
          table: item(this.#objects.tables, this.#u32(at + abi.RULE_STEP_TABLE)),
          chain: item(this.#objects.chains, this.#u32(at + abi.RULE_STEP_CHAIN)),
          verdict: this.#u8(at + abi.RULE_STEP_VERDICT),
          by: this.#u8(at + abi.RULE_STEP_POLICY) === 1 ? 'policy' : 'rule',
        };
      case StepKind.NAT: {
        const family = this.#u8(at + abi.NAT_STEP_FAMILY);
        const step: Step = {
          kind: 'nat',
          netns,
          hook: this.#u8(at + abi.NAT_STEP_HOOK),
          manip: this.#u8(at + abi.NAT_STEP_SOURCE) === 1 ? 'src' : 'dst',
          binding: this.#u8(at + abi.NAT_STEP_BINDING) !== 0,
          from: {
            address: this.#address(at + abi.NAT_STEP_FROM, family),
            port: this.#u16(at + abi.NAT_STEP_FROM_PORT),
          },
          to: { address: this.#address(at + abi.NAT_STEP_TO, family), port: this.#u16(at + abi.NAT_STEP_TO_PORT) },
        };
        const [anyFrom, anyTo] = [this.#u16(at + abi.NAT_STEP_ANY_FROM), this.#u16(at + abi.NAT_STEP_ANY_TO)];
        if (this.#u8(at + abi.NAT_STEP_BINDING) === BY_IPVS) step.ipvs = true;
        if (anyTo !== 0) step.anyPort = { from: anyFrom, to: anyTo };
        return step;
      }
      case StepKind.BALANCE: {
        const link = this.#u32(at + abi.BALANCE_STEP_LINK);
        return readBalance(abi, this.#views, this.#objects, at, netns, link === 0 ? undefined : this.#link(link).link);
      }
      case StepKind.ROUTE:
        return this.#route(at, netns);
      case StepKind.LEARN:
        return this.#learn(at, netns);
      case StepKind.IPVS:
        return readIpvs(abi, this.#views, this.#objects, at, netns);
      case StepKind.FRAGMENT:
      case StepKind.REASSEMBLE: {
        const packet = readPacket(abi, this.#views, at + abi.ENTER_PACKET);
        return { kind: kind === StepKind.FRAGMENT ? 'fragment' : 'reassemble', netns, packet };
      }
      case StepKind.BRIDGE: {
        const from = this.#u32(at + abi.BRIDGE_STEP_FROM);
        const to = this.#u32(at + abi.BRIDGE_STEP_TO);
        const step: Step = { kind: 'bridge', netns, bridge: this.#link(this.#u32(at + abi.BRIDGE_STEP_BRIDGE)).link };
        if (from !== 0) step.from = this.#link(from).link;
        if (to !== 0) step.to = this.#link(to).link;
        return step;
      }
      case StepKind.TRANSMIT: {
        const to = this.#u32(at + abi.TRANSMIT_TO);
        const step: Step = {
          kind: 'transmit',
          netns,
          link: this.#link(this.#u32(at + abi.TRANSMIT_LINK)).link,
          nexthop: this.#address(at + abi.TRANSMIT_NEXTHOP, this.#u32(at + abi.TRANSMIT_FAMILY)),
        };
        if (to !== 0) {
          const other = this.#link(to);
          step.to = { netns: this.#netns(other.netns), link: other.link };
        }
        return step;
      }
      case StepKind.CHOICE:
        return { kind: 'choice', choice: this.#u32(at + abi.CHOICE_STEP_CHOICE) };
    }
  }

  #rule(at: number, netns: Netns): Step {
    const abi = this.#abi;
    const chain = item(this.#objects.chains, this.#u32(at + abi.RULE_STEP_CHAIN));
    const index = this.#u32(at + abi.RULE_STEP_INDEX);
    const rule = item(chain.rules, index);
    const verdict: Verdict = this.#u8(at + abi.RULE_STEP_VERDICT);
    const table = item(this.#objects.tables, this.#u32(at + abi.RULE_STEP_TABLE));
    const step: Step = {
      kind: 'rule',
      netns,
      hook: this.#u8(at + abi.RULE_STEP_HOOK),
      table,
      chain,
      index,
      rule,
      verdict,
    };
    const element = this.#u32(at + abi.RULE_STEP_ELEMENT);
    if (element !== 0) step.element = readElement(abi, this.#views, this.#objects, element);
    const target = verdict === Verdict.JUMP || verdict === Verdict.GOTO ? targetOf(rule, step.element) : undefined;
    if (target !== undefined) step.target = target;
    return step;
  }

  #learn(at: number, netns: Netns): Step {
    const abi = this.#abi;
    return {
      kind: 'learn',
      netns,
      route: this.#routeAt(this.#u32(at + abi.ROUTE_STEP_ROUTE), this.#u32(at + abi.STEP_NETNS)),
      destination: this.#address(at + abi.ROUTE_STEP_SOURCE, this.#u8(at + abi.ROUTE_STEP_FAMILY)),
      mtu: this.#u32(at + abi.ROUTE_STEP_PATH_MTU),
    };
  }

  #route(at: number, netns: Netns): Step {
    const abi = this.#abi;
    const purpose = PURPOSES[this.#u8(at + abi.ROUTE_STEP_PURPOSE) as RoutePurpose];
    const step: Step = { kind: 'route', netns, purpose, local: this.#u8(at + abi.ROUTE_STEP_LOCAL) === 1 };
    const rule = this.#u32(at + abi.ROUTE_STEP_RULE);
    const table = this.#u32(at + abi.ROUTE_STEP_TABLE);
    const record = this.#u32(at + abi.ROUTE_STEP_ROUTE);
    if (rule !== 0) step.rule = item(this.#objects.policies, rule - 1);
    if (table !== 0) step.table = table;
    if (record !== 0) {
      const route = this.#routeAt(record, this.#u32(at + abi.STEP_NETNS));
      const nexthop = this.#u32(at + abi.ROUTE_STEP_NEXTHOP) | 0;
      step.route = route;
      if (nexthop >= 0) step.nexthop = item(route.nexthops, nexthop);
    }
    if (this.#u8(at + abi.ROUTE_STEP_HAS_SOURCE) === 1)
      step.source = this.#address(at + abi.ROUTE_STEP_SOURCE, this.#u8(at + abi.ROUTE_STEP_FAMILY));
    const pathMtu = this.#u32(at + abi.ROUTE_STEP_PATH_MTU);
    if (pathMtu !== 0) step.pathMtu = pathMtu;
    return step;
  }

  /** The route of a record; one that the kernel made by itself is found among those of its namespace. */
  #routeAt(at: number, netns: number): Route {
    const abi = this.#abi;
    const id = this.#u32(at + abi.ROUTE_ID);
    if (id !== DERIVED) return item(this.#objects.routes, id);
    let made = this.#localRoutes.get(netns);
    if (!made) {
      made = new Map(localRoutes(this.#netns(netns)).map((route) => [routeKey(route), route]));
      this.#localRoutes.set(netns, made);
    }
    const family = this.#u8(at + abi.ROUTE_FAMILY);
    const type = RouteType[this.#u8(at + abi.ROUTE_TYPE)]?.toLowerCase();
    const prefix = `${this.#address(at + abi.ROUTE_PREFIX, family)}/${this.#u8(at + abi.ROUTE_LENGTH)}`;
    const dev = this.#objects.interfaces[this.#u32(this.#u32(at + abi.ROUTE_NEXTHOPS) + abi.NEXTHOP_DEV) - 1];
    const route = made.get(`${type} ${prefix} ${dev}`);
    if (!route) throw new EngineError('BROKEN', `no route ${type} ${prefix} dev ${dev}`);
    return route;
  }

  #tuple(at: number, family: number): Tuple {
    const abi = this.#abi;
    return {
      saddr: this.#address(at + abi.TUPLE_SADDR, family),
      daddr: this.#address(at + abi.TUPLE_DADDR, family),
      sport: this.#u16(at + abi.TUPLE_SPORT),
      dport: this.#u16(at + abi.TUPLE_DPORT),
    };
  }

  /** A connection's record, in the table or copied into a step. */
  entry(at: number, clock: number): ConntrackEntry {
    const abi = this.#abi;
    const family = this.#u8(at + abi.TUPLE_FAMILY) as Family;
    const protocol = this.#u8(at + abi.TUPLE_PROTOCOL);
    const status = this.#u32(at + abi.FLOW_STATUS);
    const entry: ConntrackEntry = {
      family,
      protocol,
      original: this.#tuple(at, family),
      reply: this.#tuple(at + abi.FLOW_REPLY, family),
      seenReply: (status & CtStatus.SEEN_REPLY) !== 0,
      assured: (status & CtStatus.ASSURED) !== 0,
      snat: (status & CtStatus.SNAT) !== 0,
      dnat: (status & CtStatus.DNAT) !== 0,
      mark: this.#u32(at + abi.FLOW_MARK),
      zone: this.#u16(at + abi.FLOW_ZONE),
    };
    const state = this.#u8(at + abi.FLOW_STATE);
    if (protocol === Protocol.TCP && state !== TcpState.NONE) entry.tcpState = TcpState[state] as string;
    if (protocol === Protocol.SCTP && state !== SctpState.NONE) entry.state = SctpState[state] as string;
    const expires = this.#u32(at + abi.FLOW_EXPIRES) + this.#u32(at + abi.FLOW_EXPIRES + 4) * 2 ** 32;
    entry.timeout = Math.floor(Math.max(0, expires - clock) / 1000);
    return entry;
  }

  /** The connections of one namespace, whose record is at `netns` (0: of all), from the first of all on; with their records. */
  entries(first: number, netns: number, clock: number): { at: number; entry: ConntrackEntry }[] {
    const abi = this.#abi;
    const found: { at: number; entry: ConntrackEntry }[] = [];
    for (let at = first; at !== 0; at = this.#u32(at + abi.FLOW_NEXT))
      if (netns === 0 || this.#u32(at + abi.FLOW_NETNS) === netns) found.push({ at, entry: this.entry(at, clock) });
    return found;
  }

  end(): End {
    const abi = this.#abi;
    const at = abi.END_BASE;
    const reason: Reason = this.#u8(at + abi.END_REASON);
    const end: End = {
      disposition: this.#u8(at + abi.END_DISPOSITION),
      reason,
      netns: this.#netns(this.#u32(at + abi.END_NETNS)).name,
      packet: readPacket(abi, this.#views, abi.END_PACKET_BASE),
      answers: this.#u8(at + abi.END_ANSWERS) === 1,
    };
    if (this.#u8(at + abi.END_HAS_RULE) === 1 && BY_RULE.has(reason))
      end.rule = {
        table: item(this.#objects.tables, this.#u32(at + abi.END_TABLE)),
        chain: item(this.#objects.chains, this.#u32(at + abi.END_CHAIN)),
        index: this.#u32(at + abi.END_INDEX),
      };
    return end;
  }

  choices(count: number): Choice[] {
    return Array.from({ length: count }, (_, i) => this.#choice(this.#abi.CHOICES_BASE + i * this.#abi.CHOICE_SIZE));
  }

  #choice(at: number): Choice {
    const abi = this.#abi;
    const kind: ChoiceKind = this.#u8(at + abi.CHOICE_KIND);
    const alternatives = this.#u32(at + abi.CHOICE_ALTERNATIVES);
    const weights = this.#u32(at + abi.CHOICE_WEIGHTS);
    const netns = this.#u32(this.#u32(at + abi.CHOICE_NETNS) + abi.NETNS_ID);
    const choice: Choice = {
      kind,
      alternatives,
      taken: this.#u32(at + abi.CHOICE_TAKEN),
      netns: this.#netns(netns).name,
    };
    if (weights !== 0) choice.weights = [...this.#views.u32.subarray(weights >>> 2, (weights >>> 2) + alternatives)];
    if (this.#u8(at + abi.CHOICE_HAS_RULE) === 1)
      choice.rule = {
        table: item(this.#objects.tables, this.#u32(at + abi.CHOICE_TABLE)),
        chain: item(this.#objects.chains, this.#u32(at + abi.CHOICE_CHAIN)),
        index: this.#u32(at + abi.CHOICE_INDEX),
      };
    const route = this.#u32(at + abi.CHOICE_ROUTE);
    if (route !== 0) choice.route = this.#routeAt(route, netns);
    if (kind === ChoiceKind.SERVER)
      choice.service = serviceAt(abi, this.#views, this.#objects, this.#u32(at + abi.CHOICE_STATEMENT));
    else if (kind === ChoiceKind.BACKEND)
      choice.frontend = frontendAt(this.#objects, this.#u32(at + abi.CHOICE_STATEMENT));
    else if (kind !== ChoiceKind.STATISTIC && kind !== ChoiceKind.NUMBER) {
      const text = textOf(this.#objects.statements.get(this.#u32(at + abi.CHOICE_STATEMENT)));
      if (text !== undefined) choice.text = text;
    }
    return choice;
  }
}

function item<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new EngineError('BROKEN', `the engine names object ${index} of ${list.length}`);
  return found;
}
