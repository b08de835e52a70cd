/** One line on a terminal that says what takes so long, and is gone when it is done. */
import type { Output } from '../shell/streams.ts';

export interface Progress {
  /** Shows a step in place of the one before. */
  show(step: string): void;
  /** Takes the line away. */
  clear(): void;
}

/** To the first column, and erase to the end of the line (ECMA-48: CR, EL). */
const ERASE = '\r\u001b[K';

/** Silent where `isShown` is false or the output is no terminal. */
export function progressOn(output: Output, isShown: boolean): Progress {
  let shown = false;
  const isLive = isShown && output.isTTY === true;
  return {
    show(step) {
      if (!isLive) return;
      output.write(`${ERASE}${step}…`);
      shown = true;
    },
    clear() {
      if (shown) output.write(ERASE);
      shown = false;
    },
  };
}
