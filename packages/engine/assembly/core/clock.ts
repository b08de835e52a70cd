/** The machine's clock, in milliseconds; only the host moves it. */
let milliseconds: u64 = 0;

export function now(): u64 {
  return milliseconds;
}

/** For the host. */
export function clock(): f64 {
  return <f64>milliseconds;
}

export function clockAdvance(ms: f64): void {
  milliseconds += <u64>ms;
}

export function clockReset(): void {
  milliseconds = 0;
}
