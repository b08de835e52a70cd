import { createEngine, type Machine } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';

export type MachineName = 'wasm' | 'reference';

export const createMachine = (name: MachineName): Machine | Promise<Machine> =>
  name === 'wasm' ? createEngine() : createReference();
