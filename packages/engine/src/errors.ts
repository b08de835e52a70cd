/** What the engine throws. `code` is stable; the message says what is wrong and where; `fix` says what to do about it. */
import { Failure } from './codes.ts';

const FIXES = {
  // The network contradicts itself.
  DUPLICATE_NAME: 'Give every network namespace, every link of one and every chain of a table its own name.',
  UNKNOWN_LINK: 'Name a link of the network namespace.',
  UNKNOWN_PEER: 'Let both ends of a wire name each other.',
  UNKNOWN_MASTER: 'Name a link of kind bridge in the same network namespace.',
  UNKNOWN_CHAIN: 'Define every chain that rules jump to; base chains cannot be jumped to.',
  UNKNOWN_SET: 'Define every set that rules name.',
  CHAIN_LOOP: 'Break the circle of jumps, as the kernel would demand.',
  BAD_ADDRESS: 'Write addresses and prefixes as ip and iptables print them.',
  BAD_VALUE: 'Use a value that the tool it stands for would take.',
  // A call that makes no sense.
  UNKNOWN_NETNS: 'Name a network namespace of the loaded network.',
  NO_SUCH_ALTERNATIVE: 'Answer each choice point with one of its alternatives; see `Machine.choices()`.',
  DISPOSED: 'Make a new engine with `createEngine`.',
  // The engine itself.
  OUT_OF_MEMORY: 'Load a smaller network: the engine has at most 4 GiB.',
  TRACE_FULL: 'Look for a circle that packets run in.',
  CHOICES_FULL: 'Call `script` or `reset` between questions.',
  JUMPS_TOO_DEEP: 'Look for chains that call each other without end.',
  NO_WASM: 'Pass `engine.wasm` to `createEngine` as `wasm`: its bytes, a module, a response or where it is.',
  ABI_MISMATCH: 'Take engine.wasm and the package from one build.',
  BROKEN: 'Make a new one: after a failure inside the engine nothing can be relied on.',
} as const;

export type EngineErrorCode = keyof typeof FIXES;

export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  /** What to do about it. */
  get fix(): string {
    return FIXES[this.code];
  }
}

const FAILURES: Readonly<Record<number, readonly [EngineErrorCode, string]>> = {
  [Failure.OUT_OF_MEMORY]: ['OUT_OF_MEMORY', 'the memory of the engine cannot grow any further'],
  [Failure.TRACE_FULL]: ['TRACE_FULL', 'a walk left more steps than the trace has room for'],
  [Failure.CHOICES_FULL]: ['CHOICES_FULL', 'more choice points were met than there is room for'],
  [Failure.JUMPS_TOO_DEEP]: ['JUMPS_TOO_DEEP', 'chains call each other too deeply'],
  [Failure.NO_SUCH_ALTERNATIVE]: [
    'NO_SUCH_ALTERNATIVE',
    'the script names an alternative that a choice point does not have',
  ],
};

/** Throws what a call into the engine failed with; 0 is no failure. */
export function throwFailure(failure: number): void {
  if (failure === Failure.NONE) return;
  const [code, message] = FAILURES[failure] ?? ['BROKEN', `the engine failed with ${failure}`];
  throw new EngineError(code, message);
}
