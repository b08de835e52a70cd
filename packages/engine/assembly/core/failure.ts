/** What went wrong in the current call; the host asks for it and turns it into an `EngineError`. */
let failure: i32 = 0;

export function fail(code: i32): void {
  if (failure == 0) failure = code;
}

export function failed(): bool {
  return failure != 0;
}

/** The failure, forgotten by being asked for. */
export function takeFailure(): i32 {
  const code = failure;
  failure = 0;
  return code;
}
