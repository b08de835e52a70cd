/** Plugins by their type. */
import type { Plugin } from '../runtime/call.ts';
import { bandwidth } from './bandwidth/plugin.ts';
import { bridge } from './bridge/plugin.ts';
import { firewall } from './firewall/plugin.ts';
import { flannel } from './flannel/plugin.ts';
import { loopback } from './loopback/plugin.ts';
import { macvlan } from './macvlan/plugin.ts';
import { portmap } from './portmap/plugin.ts';
import { ptp } from './ptp/plugin.ts';
import { sbr } from './sbr/plugin.ts';
import { tuning } from './tuning/plugin.ts';

export const PLUGINS: Readonly<Record<string, Plugin>> = {
  bandwidth,
  bridge,
  firewall,
  flannel,
  loopback,
  macvlan,
  portmap,
  ptp,
  sbr,
  tuning,
};
