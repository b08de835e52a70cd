/** What the engine throws. `code` is stable, the message says what is wrong and where. */

export type EngineErrorCode =
  | 'UNKNOWN_PEER'
  | 'UNKNOWN_LINK'
  | 'UNKNOWN_MASTER'
  | 'UNKNOWN_CHAIN'
  | 'UNKNOWN_SET'
  | 'DUPLICATE_NAME'
  | 'CHAIN_LOOP'
  | 'BAD_ADDRESS'
  | 'BAD_VALUE';

export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
