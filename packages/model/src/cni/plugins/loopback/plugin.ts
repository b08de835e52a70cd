/** loopback: `lo` of the pod comes up (containernetworking/plugins, plugins/main/loopback/loopback.go). */
import { CniError, type Plugin } from '../../runtime/call.ts';
import { emptyResult } from '../../runtime/result.ts';
import { podOf } from '../../shared/veth.ts';

export const loopback: Plugin = {
  add(call) {
    podOf(call).ip('link set lo up');
    if (call.prevResult) return call.prevResult;
    return {
      ...emptyResult(),
      interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: call.netnsPath }],
      ips: ['127.0.0.1/8', '::1/128'].map((address) => ({ interface: 0, address })),
    };
  },

  check(call) {
    if (podOf(call).link('lo')?.up === false) throw new CniError('loopback interface is down');
  },

  del(call) {
    if (call.pod?.link('lo')) call.pod.ip('link set lo down');
  },
};
