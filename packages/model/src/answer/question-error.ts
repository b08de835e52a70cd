/** A question that cannot be asked of this cluster: a name nobody has, a port that is not there, two kinds of one name. Exit code 2. */
export class QuestionError extends Error {
  override readonly name = 'QuestionError';
  /** Stable kebab-case code: `unknown-name`, `ambiguous-name`, `bad-reference`, `port-needed`. */
  readonly code: string;
  /** One sentence that says what to write instead. */
  readonly mend: string | undefined;
  /** References that would have worked, the nearest first. */
  readonly candidates: readonly string[];

  constructor(code: string, message: string, more: { mend?: string; candidates?: readonly string[] } = {}) {
    super(message);
    this.code = code;
    this.mend = more.mend;
    this.candidates = more.candidates ?? [];
  }
}
