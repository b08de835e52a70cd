/** Exit codes, and the one place where an error becomes one. */

export const EXIT = {
  /** Yes: delivered, or the command did what it should. */
  YES: 0,
  /** No: the packet does not arrive. */
  NO: 1,
  /** The command line or the input is wrong. */
  BAD: 2,
  /** Neither: it depends, or something is not modelled. */
  UNDECIDED: 3,
} as const;

/** The user can mend it: printed as one sentence, without a stack. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly mend: string | undefined;
  readonly candidates: readonly string[];

  constructor(message: string, more: { mend?: string; candidates?: readonly string[] } = {}) {
    super(message);
    this.mend = more.mend;
    this.candidates = more.candidates ?? [];
  }
}

interface Explained {
  message: string;
  mend?: string | undefined;
  candidates?: readonly string[];
}

/** Errors the model and the collectors throw carry what the user needs; known by name, so that this file need not load the model. */
function explained(error: unknown): Explained | undefined {
  if (!(error instanceof Error)) return undefined;
  return error.name === 'UserError' || error.name === 'QuestionError' ? (error as Error & Explained) : undefined;
}

function isCommander(error: unknown): error is Error & { code: string; exitCode: number } {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

/** The lines that tell the user about an error, and the exit code. */
export function reportError(error: unknown, name: string): { lines: string[]; exitCode: number } {
  // commander has written its message already; its 1 would mean "no" here.
  if (isCommander(error)) return { lines: [], exitCode: error.exitCode === 0 ? EXIT.YES : EXIT.BAD };
  const known = explained(error);
  if (known) {
    const lines = [`${name}: ${known.message}`];
    if (known.mend) lines.push(`  ${known.mend}`);
    for (const candidate of known.candidates ?? []) lines.push(`    ${candidate}`);
    return { lines, exitCode: EXIT.BAD };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    lines: [`${name}: internal error, please report it with the command and the input`, stack],
    exitCode: EXIT.BAD,
  };
}
