/** `sysctl`: reader and printer. */
export { printSysctls, type ReadSysctls, readSysctlFile, readSysctls, type Sysctls, sysctlNameOf } from './sysctl.ts';
