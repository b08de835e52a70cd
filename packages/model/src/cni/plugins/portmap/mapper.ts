/** What each back-end of portmap does. */
import type { Host } from '../../host/host.ts';
import type { Settings } from './settings.ts';

/** `address`: the pod's, with the length of its subnet. */
export interface Mapper {
  forward(host: Host, settings: Settings, address: string): void;
  check(host: Host, settings: Settings, address: string): void;
  unforward(host: Host, settings: Settings): void;
}
