/** What the WebAssembly module says of itself: version, regions, and where each field of each record stands. */
import { ABI_NAMES } from './abi-names.ts';
import { IPVS_ABI_NAMES } from './abi-names-ipvs.ts';
import { EngineError } from './errors.ts';

/** The version of records and calls that this host speaks. */
const ABI_VERSION = 1;

const NAMES = [...ABI_NAMES, ...IPVS_ABI_NAMES];
type Name = (typeof NAMES)[number];

/** Sizes of records, offsets of fields and addresses of regions, by their names in `assembly/layout`. */
export type Abi = Readonly<Record<Name, number>>;

/** The calls of the module: numbers in, numbers out. Pointers are byte addresses; booleans are 0 or 1. */
export interface Calls {
  memory: WebAssembly.Memory;
  open(): number;
  indexAll(): void;
  used(): number;
  load(manifest: number): number;
  reset(): void;
  setScript(length: number): void;
  nthMode(choice: number): void;
  advance(ms: number): void;
  send(netns: number, link: number): number;
  answer(): number;
  takeFailure(): number;
  traceLength(): number;
  choiceCount(): number;
  flowsFirst(): number;
  flush(netns: number): void;
  /** Forgets the connection whose record is there. */
  forget(flow: number): void;
  /** Milliseconds on the machine's clock. */
  clock(): number;
}

const CALLS = [
  'open',
  'indexAll',
  'used',
  'load',
  'reset',
  'setScript',
  'nthMode',
  'advance',
  'send',
  'answer',
  'takeFailure',
  'traceLength',
  'choiceCount',
  'flowsFirst',
  'flush',
  'forget',
  'clock',
] as const satisfies readonly (keyof Calls)[];

function numberOf(exports: WebAssembly.Exports, name: string): number {
  const value = exports[name];
  if (!(value instanceof WebAssembly.Global)) throw new EngineError('ABI_MISMATCH', `engine.wasm has no ${name}`);
  return Number(value.value) >>> 0;
}

/** Reads offsets and calls; refuses a module of another version. */
export function readAbi(exports: WebAssembly.Exports): { abi: Abi; calls: Calls } {
  const version = numberOf(exports, 'ABI_VERSION');
  if (version !== ABI_VERSION)
    throw new EngineError('ABI_MISMATCH', `engine.wasm speaks version ${version}, this package ${ABI_VERSION}`);
  for (const name of CALLS)
    if (typeof exports[name] !== 'function') throw new EngineError('ABI_MISMATCH', `engine.wasm has no call ${name}`);
  const abi = Object.fromEntries(NAMES.map((name) => [name, numberOf(exports, name)])) as Record<Name, number>;
  return { abi, calls: exports as unknown as Calls };
}
