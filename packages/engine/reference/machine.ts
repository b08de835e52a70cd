/** The interpreter as a `Machine`. */
import {
  type Choice,
  type ConntrackEntry,
  type ConntrackFilter,
  type End,
  EngineError,
  fitsFilter,
  type Machine,
  type Network,
  type Packet,
  type RouteAnswer,
  type RouteLookup,
  type RouteQuestion,
  type Walk,
} from '../src/index.ts';
import { answers, answerTo, endsWithRule } from './answer.ts';
import { entryOf } from './connections.ts';
import { addSocket, senderSocket } from './deliver.ts';
import { expireIpvs } from './ipvs-connections.ts';
import { loadWorld, resetWorld } from './load.ts';
import { lookupRoute } from './lookup.ts';
import { receive } from './receive.ts';
import { newRun } from './run.ts';
import { emit, emitThroughPort } from './send.ts';
import type { Host, Run, Skb, Stop, World } from './state.ts';
import { tcpClose } from './tcp.ts';
import { expire } from './timeouts.ts';
import type { Next } from './transmit.ts';
import { wireEnds } from './wire.ts';

function endOf(stop: Stop): End {
  const { host, disposition, reason, skb, rule } = stop;
  const end: End = {
    disposition,
    reason,
    netns: host.netns.name,
    packet: skb.packet,
    answers: answers(stop),
  };
  return rule && endsWithRule(reason) ? { ...end, rule } : end;
}

/** From namespace to namespace until something ends it. */
function walk(world: World, first: (run: Run) => Next): Walk {
  const run = newRun(world);
  world.last = undefined;
  const cuts: (() => Next)[][] = [];
  /** The next piece of the packet that was cut last, which is open no more once its last piece goes on. */
  const nextPiece = (): Next => {
    const piece = cuts.at(-1)?.shift() as () => Next;
    if (cuts.at(-1)?.length === 0) cuts.pop();
    run.cuts = cuts.length;
    return piece();
  };
  let next = first(run);
  for (;;) {
    if ('arrival' in next) next = receive(run, next.arrival);
    else if ('pieces' in next) {
      cuts.push([...next.pieces]);
      next = nextPiece();
    } else if (next.stop.waits && cuts.length > 0) next = nextPiece();
    else break;
  }
  const end = endOf(next.stop);
  world.last = { stop: next.stop, end };
  return { steps: run.steps, end };
}

class Reference implements Machine, RouteLookup {
  #world: World = loadWorld({ netnses: [] });

  load(network: Network): void {
    this.#world = loadWorld(network);
  }

  reset(): void {
    resetWorld(this.#world);
  }

  script(answers: readonly number[]): void {
    this.#world.answers = [...answers];
    this.#world.choices = [];
    this.#world.paths.clear();
    this.#world.picks.clear();
    this.#world.numbers.clear();
  }

  choices(): Choice[] {
    return [...this.#world.choices];
  }

  nth(mode: 'count' | 'choice'): void {
    this.#world.nthMode = mode;
  }

  advance(ms: number): void {
    this.#world.clockMs += ms;
    for (const host of this.#world.hosts) {
      expireIpvs(host, this.#world.clockMs);
      expire(host, this.#world.clockMs);
    }
  }

  send(netns: string, packet: Packet, options: { link?: string } = {}): Walk {
    const host = this.#host(netns);
    const { link } = options;
    this.#world.learnt.clear();
    if (link === undefined)
      return walk(this.#world, (run) =>
        emit(run, host, { packet, socket: 'process' }, (skb: Skb) => addSocket(host, senderSocket(skb.packet)), true),
      );
    const device = host.byName.get(link);
    if (!device) throw new EngineError('UNKNOWN_LINK', `network namespace ${netns} has no link ${link}`);
    // The other end of its own wire, where it has one, is who sent the frame.
    const macSource = device.link.peer && wireEnds(this.#world, device)[0]?.mac;
    return walk(this.#world, (run) => receive(run, { device, skb: { packet, macSource }, nexthop: packet.daddr }));
  }

  answer(): Walk | undefined {
    const { last } = this.#world;
    const skb = last && answerTo(last.stop);
    if (!last || !skb) return undefined;
    const { host, reply, skb: about } = last.stop;
    const port = reply?.kind === 'reject-reset' ? about.bridge?.physin : undefined;
    // A reset that finds a way closes the connection that it is about (nf_send_reset: nf_ct_set_closing).
    const close = () => {
      const connection = reply?.kind === 'reject-reset' ? about.ct?.connection : undefined;
      if (connection) tcpClose(host, connection, this.#world.clockMs);
    };
    return walk(this.#world, (run) => {
      if (!port) return emit(run, host, skb, close);
      close();
      return emitThroughPort(run, host, skb, port, about.macSource);
    });
  }

  lookup(netns: string, question: RouteQuestion): RouteAnswer {
    return lookupRoute(this.#world, this.#host(netns), question);
  }

  conntrack(netns: string): ConntrackEntry[] {
    return this.#host(netns).connections.map((connection) => entryOf(connection, this.#world.clockMs));
  }

  flush(netns?: string, filter: ConntrackFilter = {}): void {
    for (const host of netns === undefined ? this.#world.hosts : [this.#host(netns)])
      host.connections = host.connections.filter((one) => !fitsFilter(entryOf(one, this.#world.clockMs), filter));
  }

  #host(name: string): Host {
    const host = this.#world.byName.get(name);
    if (!host) throw new EngineError('UNKNOWN_NETNS', `no network namespace ${name} is loaded`);
    return host;
  }
}

/** The slow, obvious machine. */
export function createReference(): Machine & RouteLookup {
  return new Reference();
}
