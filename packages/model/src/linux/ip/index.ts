/** What the `ip` and `bridge` tools do to a network namespace. */
export { applyBridge, applyIp, emptyNetns, type Refused } from './batch.ts';
