import { createEngine, type Machine } from '@podwire/engine';

/** The machine that answers come from. */
export function createMachine(): Promise<Machine> {
  return createEngine();
}
