/** owner_mt (net/netfilter/xt_owner.c): whose socket made the packet. */
import type { IdRange, Match } from '../src/index.ts';
import type { Skb } from './state.ts';

type Owner = Match & { kind: 'owner' };

/** Undefined: nobody knows. */
function fits(range: IdRange, id: number | undefined): boolean | undefined {
  if (id === undefined) return undefined;
  return (id >= range.from && id <= range.to) !== (range.not === true);
}

/** Of several tests all have to hold. */
function all(results: readonly (boolean | undefined)[]): boolean | undefined {
  if (results.includes(false)) return false;
  return results.includes(undefined) ? undefined : true;
}

function ofProcess({ packet }: Skb, { uid, gid, suppl, socket }: Owner): boolean | undefined {
  if (socket?.not) return false;
  const user = uid ? fits(uid, packet.owner?.uid) : true;
  if (!gid) return all([user]);
  const own = fits(gid, packet.owner?.gid);
  // Any other of its groups may be the one.
  const group = suppl && own === (gid.not === true) ? undefined : own;
  return all([user, group]);
}

/** Undefined: nobody knows. */
export function matchOwner(skb: Skb, match: Owner): boolean | undefined {
  const { uid, gid, suppl, socket } = match;
  if (skb.socket === 'process') return ofProcess(skb, match);
  const ids = [uid, gid].every((range) => !range || range.not === true);
  // Other groups can be asked for, but not for the contrary.
  if (!skb.socket) return ids && !suppl && (!socket || socket.not === true);
  // Some of the stack's packets have a socket, which nobody owns, and some have none.
  if (!ids) return false;
  return socket || suppl ? undefined : true;
}
