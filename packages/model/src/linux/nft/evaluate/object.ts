/** What nft and the kernel ask of stateful objects. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftFamily, NftObject } from '../syntax.ts';

/** States whose time-out may be set, with the kernel's own values in seconds. */
export const TIMEOUT_STATES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  tcp: {
    syn_sent: 120,
    syn_recv: 60,
    established: 432000,
    fin_wait: 120,
    close_wait: 60,
    last_ack: 30,
    time_wait: 120,
    close: 10,
    syn_sent2: 120,
    retrans: 300,
    unack: 300,
  },
  udp: { unreplied: 30, replied: 120 },
};

function checkFamily(table: NftFamily, l3proto: string | undefined, what: string): void {
  if (l3proto === undefined || table === 'inet' || l3proto === table) return;
  throw new NftRefusal(`${what}: family ${l3proto} does not fit a table of family ${table}`);
}

/** Throws `NftRefusal` where the object is refused. */
export function checkObject(object: NftObject): void {
  if ('ct helper' in object) {
    const helper = object['ct helper'];
    checkFamily(helper.family, helper.l3proto, `ct helper ${helper.name}`);
  } else if ('ct timeout' in object) {
    const timeout = object['ct timeout'];
    checkFamily(timeout.family, timeout.l3proto, `ct timeout ${timeout.name}`);
    const states = TIMEOUT_STATES[timeout.protocol];
    const unknown = Object.keys(timeout.policy ?? {}).find((state) => states?.[state] === undefined);
    if (unknown !== undefined) throw new NftRefusal(`invalid state name ${unknown} for protocol ${timeout.protocol}`);
  } else if ('ct expectation' in object) {
    const expectation = object['ct expectation'];
    checkFamily(expectation.family, expectation.l3proto, `ct expectation ${expectation.name}`);
  }
}
