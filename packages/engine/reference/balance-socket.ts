/**
 * Translation for sockets: connect and sendmsg turn to a backend, recvmsg and getpeername tell the address that was asked for. By
 * documentation: bpf/bpf_sock.c (__sock4_xlate_fwd, __sock4_xlate_rev). The server's own sockets are left as they are.
 */
import { Disposition, Reason } from '../src/index.ts';
import {
  aboutOf,
  type BalancedFlow,
  chooseBackend,
  destinationOf,
  findFrontend,
  hasPorts,
  rewrite,
  rewriteAbout,
  same,
  sourceOf,
} from './balance.ts';
import type { Host, Run, Skb, Stop } from './state.ts';

function ends(
  run: Run,
  host: Host,
  skb: Skb,
  flow: Pick<BalancedFlow, 'frontend'>,
  disposition: Disposition,
  reason: Reason,
): Stop {
  const { frontend } = flow;
  run.steps.push({ kind: 'balance', netns: host.netns, frontend, manip: 'dst', from: destinationOf(skb.packet) });
  return { host, disposition, reason, skb };
}

export function balanceSocket(run: Run, host: Host, skb: Skb): Stop | undefined {
  const { packet } = skb;
  const { balancing } = host.netns;
  if (!balancing || !hasPorts(packet) || packet.fragment) return undefined;
  const { sockets } = host.balance;
  const front = destinationOf(packet);
  const known = sockets.find(
    ({ protocol, client, ...flow }) =>
      protocol === packet.protocol && client.port === packet.sport && same(flow.front, front),
  );
  if (known) {
    rewrite(run, { host, skb, frontend: known.frontend }, 'dst', known.back);
    return undefined;
  }
  const frontend = findFrontend(balancing, packet);
  if (!frontend) return undefined;
  if (frontend.unmodelled !== undefined)
    return ends(run, host, skb, { frontend }, Disposition.UNKNOWN, Reason.UNMODELLED_BALANCER);
  const backend = chooseBackend(run, host, frontend, '');
  if (!backend) return ends(run, host, skb, { frontend }, Disposition.UNREACHABLE, Reason.NO_BACKEND);
  const back = { address: backend.address, port: backend.port };
  const { family, protocol } = packet;
  const client = sourceOf(packet);
  sockets.push({ frontend, family, protocol, client, front, back, away: false, lasting: true, expires: 0 });
  rewrite(run, { host, skb, frontend }, 'dst', back);
  return undefined;
}

/** What a client's socket gets: from the address that it asked for. */
export function unbalanceSocket(run: Run, host: Host, skb: Skb): void {
  const { packet } = skb;
  if (!host.netns.balancing) return;
  const about = aboutOf(packet);
  const asked = about ?? packet;
  const own = about ? about.sport : packet.dport;
  const other = about ? destinationOf(about) : sourceOf(packet);
  const flow = host.balance.sockets.find(
    ({ family, protocol, client, back }) =>
      family === asked.family && protocol === asked.protocol && client.port === own && same(back, other),
  );
  if (!flow) return;
  if (about) rewriteAbout(run, { host, skb, flow });
  else rewrite(run, { host, skb, frontend: flow.frontend }, 'src', flow.front);
}
