/** All ways one packet can take: the machine is asked again for every choice it could not make itself. */
import { type Choice, type ConntrackEntry, type Machine, type Packet, Protocol, type Walk } from '@podwire/engine';
import { laterPacket } from './packet.ts';
import { chosenSource } from './walk-view.ts';

/** One run from the opening packet to the last answer. */
export interface Path {
  choices: Choice[];
  forward: Walk;
  /** What came back to the packet asked about. */
  reply?: Walk;
  /** Confirmed connections, by network namespace, in the order the packet came by. */
  conntrack: { netns: string; entries: ConntrackEntry[] }[];
}

/** More ways than this are not told one by one. */
export const PATHS_MAX = 4096;

export interface Send {
  netns: string;
  packet: Packet;
  connection: 'new' | 'established';
}

function connectionsOf(machine: Machine, walks: readonly (Walk | undefined)[]): Path['conntrack'] {
  const seen = new Set<string>();
  for (const walk of walks) for (const step of walk?.steps ?? []) if (step.kind !== 'choice') seen.add(step.netns.name);
  return [...seen]
    .map((netns) => ({ netns, entries: machine.conntrack(netns) }))
    .filter(({ entries }) => entries.length > 0);
}

/** Sends once under the script that is set. */
function run(machine: Machine, { netns, packet, connection }: Send): Omit<Path, 'choices'> {
  let forward = machine.send(netns, packet);
  let reply = forward.end.answers ? machine.answer() : undefined;
  if (connection === 'established' && packet.protocol === Protocol.TCP && reply) {
    // The handshake's third packet comes from the address that routing chose for the first.
    const saddr = chosenSource(forward) ?? packet.saddr;
    forward = machine.send(netns, laterPacket({ ...packet, saddr }));
    reply = forward.end.answers ? machine.answer() : undefined;
  } else if (connection === 'established' && reply) {
    forward = machine.send(netns, packet);
    reply = forward.end.answers ? machine.answer() : undefined;
  }
  return { forward, ...(reply && { reply }), conntrack: connectionsOf(machine, [forward, reply]) };
}

/**
 * Every path, in the order of the choices. The machine starts each from the state as loaded. `complete` is false where there are more than
 * `PATHS_MAX`.
 */
export function allPaths(machine: Machine, send: Send): { paths: Path[]; complete: boolean } {
  const paths: Path[] = [];
  const scripts: number[][] = [[]];
  while (scripts.length > 0 && paths.length < PATHS_MAX) {
    const script = scripts.pop() as number[];
    machine.reset();
    machine.nth('choice');
    machine.script(script);
    const path = { ...run(machine, send), choices: machine.choices() };
    paths.push(path);
    // Alternatives of the choices past the script's end; pushed last to first, so that they come out in order.
    const taken = path.choices.map((c) => c.taken);
    for (let i = script.length; i < path.choices.length; i++) {
      const { alternatives } = path.choices[i] as Choice;
      for (let a = alternatives - 1; a > (taken[i] as number); a--) scripts.push([...taken.slice(0, i), a]);
    }
  }
  return { paths, complete: scripts.length === 0 };
}

/** The exact chance of a path: the product of its weighted choices; undefined where it met one that nobody knows the odds of. */
export function oddsOf(choices: readonly Choice[]): { numerator: bigint; denominator: bigint } | undefined {
  let numerator = 1n;
  let denominator = 1n;
  for (const { weights, taken } of choices) {
    if (!weights) return undefined;
    numerator *= BigInt(weights[taken] as number);
    denominator *= weights.reduce((sum, w) => sum + BigInt(w), 0n);
  }
  const divisor = gcd(numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

function gcd(a: bigint, b: bigint): bigint {
  let x = a;
  let y = b;
  while (y !== 0n) [x, y] = [y, x % y];
  return x === 0n ? 1n : x;
}
