/** Plays one event, or a whole recorded case, on machines. */
import { EngineError, type Machine, type Network } from '../../src/index.ts';
import { type Observation, observationsDiffer } from './compare.ts';
import type { Event } from './traffic.ts';

/** A network and what happens in it, as plain data. */
export interface Case {
  /** What it is about, or where it came from. */
  about: string;
  network: Network;
  events: Event[];
}

function perform(machine: Machine, event: Event): Observation['walk'] {
  switch (event.op) {
    case 'send':
      machine.script(event.script);
      return machine.send(event.netns, event.packet, event.link === undefined ? {} : { link: event.link });
    case 'answer':
      machine.script(event.script);
      return machine.answer();
    case 'advance':
      machine.advance(event.ms);
      return undefined;
    case 'flush':
      machine.flush(event.netns, event.filter);
      return undefined;
    case 'nth':
      machine.nth(event.mode);
      return undefined;
  }
}

export function observe(machine: Machine, network: Network, event: Event, conntrack: boolean): Observation {
  try {
    const walk = perform(machine, event);
    const choices = machine.choices();
    if (!conntrack) return { walk, choices };
    const lists = network.netnses.map(({ name }) => [name, machine.conntrack(name)] as const);
    return { walk, choices, conntrack: Object.fromEntries(lists) };
  } catch (error) {
    if (error instanceof EngineError) return { choices: [], thrown: error.code };
    return { choices: [], thrown: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

export interface Mismatch {
  event: number;
  what: string;
  one: Observation;
  two: Observation;
}

/** Replays a case on both machines; the first difference, with connections compared after every event. */
export function replay(one: Machine, two: Machine, { network, events }: Case): Mismatch | undefined {
  for (const machine of [one, two]) {
    machine.load(network);
    machine.nth('count');
  }
  for (const [at, event] of events.entries()) {
    const a = observe(one, network, event, true);
    const b = observe(two, network, event, true);
    const what = observationsDiffer(a, b);
    if (what !== undefined) return { event: at, what, one: a, two: b };
  }
  return undefined;
}
