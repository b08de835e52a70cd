/** The machine's clock, in milliseconds; only the host moves it. */
let milliseconds: u64 = 0;

export function now(): u64 {
  return milliseconds;
}

export function advance(ms: f64): void {
  milliseconds += <u64>ms;
}

export function clockReset(): void {
  milliseconds = 0;
}
