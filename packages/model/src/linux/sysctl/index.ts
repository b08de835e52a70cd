/** `sysctl`: reader and printer, and what becomes of each setting. */
export { FOLLOWED, fateOf, IDLE, type Strange, UNFOLLOWED, unfollowedSettings } from './fate.ts';
export { printSysctls, type ReadSysctls, readSysctlFile, readSysctls, type Sysctls, sysctlNameOf } from './sysctl.ts';
