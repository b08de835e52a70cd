/** Plugins by their type. */
import type { Plugin } from '../runtime/call.ts';
import { bridge } from './bridge/plugin.ts';
import { firewall } from './firewall/plugin.ts';
import { loopback } from './loopback/plugin.ts';
import { portmap } from './portmap/plugin.ts';
import { ptp } from './ptp/plugin.ts';

export const PLUGINS: Readonly<Record<string, Plugin>> = { bridge, firewall, loopback, portmap, ptp };

export const hasPlugin = (type: string): boolean => Object.hasOwn(PLUGINS, type);
