// What the host may call: numbers in, numbers out.

/** Counts incompatible changes of records and calls; the host refuses any other. */
export const ABI_VERSION: u32 = 1;
