import { Link } from './link';

/** How a link stands on another one, or others on it: macvlan. */
@unmanaged
export class Stack {
  /** The link below; 0: it is the lowest. */
  lower: Link;
  /** The first link above. */
  uppers: Link;
  /** The next link on the same lower one. */
  nextUpper: Link;
  /** `StackMode`. */
  mode: u32;
}

export const STACK_SIZE: u32 = offsetof<Stack>();
export const STACK_LOWER: u32 = offsetof<Stack>('lower');
export const STACK_MODE: u32 = offsetof<Stack>('mode');
