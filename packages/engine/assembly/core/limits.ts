/** From which length on lists are indexed. Short ones are walked: that is faster, and takes less memory. */

/** Rules of a chain. */
export let indexedRules: u32 = 12;
/** Routes of one family in a layer of a table. */
export let indexedRoutes: u32 = 9;
/** Links of a namespace. */
export let indexedLinks: u32 = 9;
/** Links on a segment. */
export let indexedSegment: u32 = 9;

/** Indexes everything, so that tests of small networks go through the indexes. */
export function indexAll(): void {
  indexedRules = 1;
  indexedRoutes = 1;
  indexedLinks = 1;
  indexedSegment = 1;
}
