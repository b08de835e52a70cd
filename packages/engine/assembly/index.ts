// What the host may call: numbers in, numbers out. Then where the regions are, and the layout of every record that crosses.
export {
  ABI_VERSION,
  advance,
  answer,
  flush,
  forget,
  load,
  MANIFEST_ADDRESSES,
  MANIFEST_CHAINS,
  MANIFEST_END,
  MANIFEST_LINKS,
  MANIFEST_NAMES,
  MANIFEST_NETNSES,
  MANIFEST_NFT_SETS,
  MANIFEST_SEGMENTS,
  MANIFEST_SETS,
  MANIFEST_SIZE,
  reset,
  send,
  setScript,
} from './machine/machine';
export { clock } from './core/clock';
export { choiceCount } from './core/choice';
export { open, used } from './core/memory';
export { indexAll } from './core/limits';
export { takeFailure } from './core/failure';
export { traceLength } from './core/trace';
export { nthMode } from './expr/statistic';
export { flowsFirst } from './ct/flows';
export {
  CHOICES_BASE,
  END_BASE,
  END_PACKET_BASE,
  PACKET_BASE,
  SCRIPT_BASE,
  SCRIPT_CAPACITY,
  TRACE_BASE,
} from './core/memory';
export * from './layout/address';
export * from './layout/balance';
export * from './layout/chain';
export * from './layout/flow';
export * from './layout/helper';
export * from './layout/host';
export * from './layout/ipvs';
export * from './layout/link';
export * from './layout/netns';
export * from './layout/nft';
export * from './layout/nft-set';
export * from './layout/packet';
export * from './layout/route';
export * from './layout/set';
export * from './layout/statement';
export * from './layout/stack';
export * from './layout/step';
export * from './layout/tunnel';
// Maps and rule lists that stand alone, each in an instance of its own.
export { rulesFindStaged } from './chain/first';
export * from './flows/index';
export * from './lpm/index';
export * from './store/stage';
