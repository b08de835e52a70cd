/** Bits in the records of load balancers (`assembly/layout/balance.ts`). */

export enum FrontendFlag {
  /** It has source ranges, if only none. */
  RANGES = 1,
  DENIES = 2,
  AFFINITY = 4,
  UNMODELLED = 8,
  /** Packets to backends elsewhere: not modelled. */
  AWAY = 16,
}

export enum BalancingFlag {
  SOURCE_4 = 1,
  SOURCE_6 = 2,
  LOOPBACK_4 = 4,
  LOOPBACK_6 = 8,
}
