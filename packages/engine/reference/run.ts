import type { Run, World } from './state.ts';

/** A walk that has not begun. */
export const newRun = (world: World): Run => ({
  world,
  steps: [],
  enters: 0,
  cuts: 0,
  datagrams: 0,
  queues: new Map(),
  meant: new Map(),
});
