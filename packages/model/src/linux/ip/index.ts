/** What the `ip` and `bridge` tools do to a network namespace, and what they print of one. */
export { applyBridge, applyIp, emptyNetns, type Refused } from './batch.ts';
export { metricOf as metricFor } from './host.ts';
export { type TableNames, tableName } from './names.ts';
export { bucketsOf } from './nexthop-object.ts';
export {
  type AddressRecord,
  addressRecords,
  type LinkListing,
  type LinkRecord,
  linkRecords,
  printAddresses,
  printLinks,
} from './print-link.ts';
export { type NeighborRecord, neighborRecords, printNeighbors } from './print-neighbor.ts';
export { nexthopRecords, printNexthops } from './print-nexthop.ts';
export {
  type NexthopRecord,
  printRoutes,
  type RouteListing,
  type RouteRecord,
  routeRecord,
  routeRecords,
} from './print-route.ts';
export { printRules, type RuleRecord, ruleRecords } from './print-rule.ts';
export { type ReadLinks, readIpAddr } from './read-link.ts';
export { readIpNeigh } from './read-neighbor.ts';
export { readIpNexthop } from './read-nexthop.ts';
export { type RouteReadOptions, readIpRoute } from './read-route.ts';
export { readIpRule } from './read-rule.ts';
export { printTunnels, type ReadTunnels, readIpTunnel, type ShownTunnel } from './tunnel-show.ts';
