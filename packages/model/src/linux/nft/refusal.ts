/** Where other folders look for it. */
export { NftRefusal } from './base/refusal.ts';
