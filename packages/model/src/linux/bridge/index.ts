/** `bridge` and `brctl`: readers and printers. */
export { fdbRecords, type ListedFdbEntry, printBridgeFdb, type ReadFdb, readBridgeFdb, staticEntries } from './fdb.ts';
export {
  type BridgePort,
  type PortVlan,
  printBrctl,
  printBridgeLink,
  printBridgeVlan,
  type ReadPorts,
  readBrctl,
  readBridgeLink,
  readBridgeVlan,
} from './ports.ts';
