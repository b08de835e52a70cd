/** One chain asked about one packet by itself: what no walk through a network brings together can be asked too. */
import {
  type BaseHook,
  type Choice,
  type ConntrackEntry,
  CtDirection,
  CtState,
  EngineError,
  Hook,
  type Network,
  type Packet,
  type Table,
} from '../src/index.ts';
import { type ChainResult, runChain } from './chain.ts';
import { connectionOf } from './connections.ts';
import { chainsOf } from './hook-entries.ts';
import { loadWorld, resetWorld } from './load.ts';
import { newRun } from './run.ts';
import type { Connection, Host, Skb } from './state.ts';

/** A packet with all that a rule can see of it. */
export interface ProbePacket {
  packet: Packet;
  /** Names of interfaces of the network namespace; empty: none. */
  iif: string;
  oif: string;
  bridge?: { in: string; out: string };
  etherSource?: string;
  /** One of INVALID to UNTRACKED; for NEW, ESTABLISHED and RELATED there is a connection. */
  state: CtState;
  connection?: ConntrackEntry & { direction: CtDirection; confirmed: boolean };
}

export interface ProbeResult {
  /** The rule that ended the chain; absent where it came to its end. */
  rule?: NonNullable<ChainResult['rule']>;
  /** The packet did not get through. */
  stopped: boolean;
  /** Marks afterwards; that of the connection where there is one. */
  mark: number;
  connmark?: number;
  choices: Choice[];
  /** Rules that matched, in order. */
  matched: { chain: string; index: number }[];
}

export interface ChainProbe {
  /** Everything but the answers of `script` is as loaded, each time. */
  ask(table: Table, chain: string, packet: ProbePacket, script?: readonly number[]): ProbeResult;
}

/**
 * Any chain can be asked; one that is no base chain is asked as if it were one with policy accept. Throws `EngineError` for names that are
 * not there.
 */
export function createProbe(network: Network, netns: string): ChainProbe {
  const world = loadWorld(network);
  const known = world.byName.get(netns);
  if (!known) throw new EngineError('UNKNOWN_NETNS', `no network namespace ${netns} is loaded`);
  const host: Host = known;
  const device = (name: string | undefined) => {
    const found = name ? host.byName.get(name) : undefined;
    if (name && !found) throw new EngineError('UNKNOWN_LINK', `network namespace ${netns} has no link ${name}`);
    return found;
  };

  function skbOf({ packet, iif, oif, bridge, etherSource, state, connection }: ProbePacket): Skb {
    const physin = device(bridge?.in);
    const physout = device(bridge?.out);
    const known: Connection | undefined = connection && {
      ...connectionOf(host, connection),
      confirmed: connection.confirmed,
    };
    return {
      packet,
      indev: device(iif),
      outdev: device(oif),
      bridge: physin && (physout ? { physin, physout } : { physin }),
      macSource: etherSource,
      // Of an invalid packet conntrack keeps nothing.
      ct:
        state === CtState.INVALID
          ? undefined
          : { state, direction: connection?.direction ?? CtDirection.ORIGINAL, ...(known && { connection: known }) },
    };
  }

  return {
    ask(table, name, packet, script = []) {
      resetWorld(world);
      world.answers = script;
      const chain = chainsOf(table).get(name);
      if (!chain) throw new EngineError('UNKNOWN_CHAIN', `table ${table.name} has no chain ${name}`);
      const base: BaseHook = chain.hook ?? { hook: Hook.FORWARD, priority: 0, type: 'filter', policy: 'accept' };
      const run = newRun(world);
      const skb = skbOf(packet);
      const { rule, stop } = runChain(run, host, skb, base.hook, table, chain, base);
      const connmark = skb.ct?.connection?.mark;
      return {
        ...(rule && { rule }),
        stopped: stop !== undefined,
        mark: skb.packet.mark >>> 0,
        ...(connmark !== undefined && { connmark: connmark >>> 0 }),
        choices: [...world.choices],
        matched: run.steps.flatMap((step) =>
          step.kind === 'rule' ? [{ chain: step.chain.name, index: step.index }] : [],
        ),
      };
    },
  };
}
