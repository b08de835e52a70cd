/** CHECK of the bridge plugin: the bridge, the pod's interface and the port between them are as ADD made them. */
import type { Host } from '../../host/host.ts';
import { type Call, CniError } from '../../runtime/call.ts';
import type { Interface } from '../../runtime/result.ts';
import { checkExpected } from '../../shared/expected.ts';
import { podOf } from '../../shared/veth.ts';
import type { Settings } from './settings.ts';

/** A bridge without an address takes the lowest link-layer address of its ports. */
function macOfBridge({ own }: Host, name: string): string | undefined {
  return own.link(name)?.mac;
}

function checkBridge({ host }: Call, one: Interface | undefined, { promiscuous }: Settings): void {
  if (!one) throw new CniError('Interface name missing ');
  const link = host.own.link(one.name);
  if (!link) throw new CniError(`Interface name ${one.name} not found`);
  if (one.sandbox) throw new CniError(`Interface ${one.name} should not be in sandbox`);
  if (link.kind !== 'bridge') throw new CniError(`Interface ${one.name} does not have link type of bridge`);
  if (one.mac && one.mac !== macOfBridge(host, one.name))
    throw new CniError(`Bridge interface ${one.name} Mac doesn't match: ${one.mac}`);
  const is = host.own.promiscuous.has(one.name);
  if (is !== promiscuous)
    throw new CniError(
      `Bridge interface ${one.name} configured Promisc Mode ${promiscuous} doesn't match current state: ${is} `,
    );
}

function checkContainer(call: Call, one: Interface): void {
  const link = podOf(call).link(one.name);
  if (!link) throw new CniError(`Interface name ${one.name} not found`);
  if (link.kind !== 'veth') throw new CniError(`Error: Container interface ${one.name} not of type veth`);
  if (one.mac && one.mac !== link.mac)
    throw new CniError(`Interface ${one.name} Mac ${one.mac} doesn't match container Mac: ${link.mac}`);
}

/** Is this the port whose other end the pod has? */
function isPort({ host, ifname, pod }: Call, bridge: string, { name, mac }: Interface): boolean {
  const link = host.own.link(name);
  if (!link) throw new CniError(`Interface name ${name} not found`);
  if (link.peer?.netns !== pod?.netns.name || link.peer?.link !== ifname || link.master !== bridge) return false;
  if (mac && mac !== link.mac) throw new CniError(`Interface ${name} Mac doesn't match: ${mac} not found`);
  return true;
}

export function checkBridgeCall(call: Call, settings: Settings): void {
  const { ifname, netnsPath, prevResult } = call;
  if (!prevResult) throw new CniError('Required prevResult missing');
  const { interfaces } = prevResult;
  const bridge = interfaces.findLast(({ name }) => name === settings.bridge);
  const container = interfaces.findLast((one) => one !== bridge && one.name === ifname && one.sandbox === netnsPath);
  checkBridge(call, bridge, settings);
  if (!container) throw new CniError(`Sandbox in prevResult  doesn't match configured netns: ${netnsPath}`);
  checkContainer(call, container);
  const others = interfaces.filter(({ name }) => name !== settings.bridge && name !== container.name);
  if (!others.some((one) => isPort(call, settings.bridge, one)))
    throw new CniError(`CNI veth created for bridge ${settings.bridge} was not found`);
  checkExpected(podOf(call), ifname, prevResult);
}
