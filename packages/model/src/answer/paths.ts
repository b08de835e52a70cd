/** All ways one packet can take, each with the connections it leaves behind. */
import {
  type Choice,
  type ConntrackEntry,
  type Conversation,
  continueConversation,
  converse,
  explore,
  type Fraction,
  type Machine,
  type Packet,
  type Walk,
} from '@podwire/engine';
import type { Before } from './history.ts';

/** One run from the opening packet to the last answer. */
export interface Path {
  conversation: Conversation;
  choices: Choice[];
  /** Absent where nobody knows the odds of a choice on the way. */
  odds?: Fraction;
  /** Confirmed connections, by network namespace, in the order the packet came by. */
  conntrack: { netns: string; entries: ConntrackEntry[] }[];
  /** The connection's first packet, where this is a later one: by the rules that it met. */
  opening?: Walk;
  /** Of a packet after changes: what the connection was until then. */
  before?: Before;
}

export interface Send {
  netns: string;
  packet: Packet;
  /** `established`: the packet after the first reply. Where there is no reply, the first one is all there is. */
  connection: 'new' | 'established';
  /** It goes to a Service that sends a client's connections to one endpoint. */
  sticky?: boolean;
}

export function connectionsOf(machine: Machine, { there, back }: Conversation): Path['conntrack'] {
  const seen = new Set<string>();
  for (const walk of [there, back]) {
    for (const step of walk?.steps ?? []) if (step.kind !== 'choice') seen.add(step.netns.name);
  }
  return [...seen]
    .map((netns) => ({ netns, entries: machine.conntrack(netns) }))
    .filter(({ entries }) => entries.length > 0);
}

/** In the order of the choices. `complete` is false where there are more than are told one by one. */
export function allPaths(machine: Machine, { netns, packet, connection }: Send): { paths: Path[]; complete: boolean } {
  const run = (): Omit<Path, 'choices' | 'odds'> => {
    const first = converse(machine, netns, packet);
    const goesOn = connection === 'established' && first.outcome === 'reply';
    const conversation = goesOn ? continueConversation(machine, first) : first;
    return {
      conversation,
      conntrack: connectionsOf(machine, conversation),
      ...(goesOn && { opening: first.there }),
    };
  };
  // Nobody knows where the counter of a running node's `nth` stands: it is a choice like a random one.
  const { branches, truncated } = explore(machine, run, { prepare: () => machine.nth('choice') });
  const paths = branches.map(({ choices, odds, open, result }) => ({
    ...result,
    choices,
    ...(open.length === 0 && { odds }),
  }));
  return { paths, complete: !truncated };
}
