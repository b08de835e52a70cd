import type { Machine } from '@podwire/engine';

/** The machine that answers come from. */
export async function createMachine(): Promise<Machine> {
  const { createReference } = await import('@podwire/engine/reference');
  return createReference();
}
