/** Which backend (bpf/lib/lb.h:lb4_select_backend_id(), lb4_affinity_backend_id()). */
import { FrontendFlag } from '../../src/balance-codes';
import { ChoiceKind } from '../../src/terms';
import { chooseAmong } from '../core/choice';
import { now } from '../core/clock';
import { allocate } from '../core/memory';
import { none, packet, skb, some } from '../core/skb';
import { Affinity, Backend, Frontend } from '../layout/balance';

let first: Affinity = none<Affinity>();
let last: Affinity = none<Affinity>();

export function affinitiesReset(): void {
  first = none<Affinity>();
  last = none<Affinity>();
}

function affinityOf(frontend: Frontend, sockets: bool): Affinity {
  const p = packet();
  for (let at = first; some(at); at = at.next) {
    if (at.frontend != frontend || at.netns != skb().netns || (at.sockets != 0) != sockets) continue;
    if (sockets || (at.clientLo == p.saddrLo && at.clientHi == p.saddrHi)) return at;
  }
  return none<Affinity>();
}

function newAffinity(frontend: Frontend, sockets: bool): Affinity {
  const made = changetype<Affinity>(allocate(offsetof<Affinity>()));
  if (!some(made)) return made;
  made.frontend = frontend;
  made.netns = skb().netns;
  made.sockets = sockets;
  made.clientHi = packet().saddrHi;
  made.clientLo = packet().saddrLo;
  if (some(last)) last.next = made;
  else first = made;
  last = made;
  return made;
}

/** The backend that the client had before, else any of them; null where there is none. `sockets`: the client is a process. */
export function chooseBackend(frontend: Frontend, sockets: bool): Backend {
  const keeps = (frontend.flags & FrontendFlag.AFFINITY) != 0;
  const until = now() + frontend.affinity;
  let known = keeps ? affinityOf(frontend, sockets) : none<Affinity>();
  if (some(known) && known.until > now()) {
    known.until = until;
    return known.backend;
  }
  const count = frontend.backendCount;
  if (count == 0) return none<Backend>();
  const taken = count > 1 ? chooseAmong(ChoiceKind.BACKEND, count, changetype<usize>(frontend)) : 0;
  const backend = changetype<Backend>(frontend.backends + <usize>taken * offsetof<Backend>());
  if (!keeps) return backend;
  if (!some(known)) known = newAffinity(frontend, sockets);
  if (some(known)) {
    known.backend = backend;
    known.until = until;
  }
  return backend;
}
