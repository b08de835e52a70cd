/** `ipset`: reader and printers. */
export { printIpsetList, printIpsetSave, printIpsetXml } from './print.ts';
export { type ReadSets, readIpset } from './read.ts';
