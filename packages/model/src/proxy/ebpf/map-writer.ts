/**
 * Brings the datapath's maps to what the tables say, frontend by frontend, as Cilium's reconciler does: numbers stay with addresses, what
 * nobody refers to any more goes, and after a restart the maps themselves are what is remembered.
 * (pkg/loadbalancer/reconciler/bpf_reconciler.go)
 */

import { parseIP } from '../ip.ts';
import { addressDigits, atAddress, isWildcard, type LbAddress } from './address.ts';
import { Ids } from './ids.ts';
import { maglevShares } from './maglev.ts';
import { frontendFlags, proxyPortOf } from './map-flags.ts';
import { LbMaps } from './maps.ts';
import type { LbOptions } from './options.ts';
import { BACKEND_STATES, type BackendUse, type LbFrontend } from './records.ts';
import { algorithmAnnotation, delegatesIfLocal } from './service.ts';
import { prefixFamily } from './source-ranges.ts';
import type { LoadBalancerTables } from './tables.ts';

const MOST_SERVICES = 0xffff;
const MOST_BACKENDS = 0xffffffff;

interface BackendMemory {
  address: LbAddress;
  id: number;
  /** Of the row that the map has. */
  revision: number;
  references: number;
}

const digitsOf = (ip: string) => {
  const parsed = parseIP(ip);
  return parsed ? addressDigits(parsed) : '';
};

/** A HostPort without address and every NodePort are copied to each of the node's addresses. */
function isCopied(frontend: LbFrontend): boolean {
  return frontend.type === 'NodePort' || (frontend.type === 'HostPort' && isWildcard(frontend.address));
}

export class MapWriter {
  readonly maps = new LbMaps();
  readonly #options: LbOptions;
  #nodePortIPs: readonly string[] = [];
  #serviceIds = new Ids(MOST_SERVICES);
  #backendIds = new Ids(MOST_BACKENDS);
  #restoredServices = new Set<number>();
  #restoredBackends = new Set<number>();
  /** Backends that were quarantined before a restart, by frontend, until a health checker has its say. */
  #restoredQuarantines = new Map<string, Set<string>>();
  #memory = new Map<string, BackendMemory>();
  #references = new Map<string, Set<string>>();
  #sourceRanges = new Map<string, Set<string>>();
  /** Node addresses that a frontend was copied to, by family and port. */
  #copies = new Map<string, readonly string[]>();
  /** What was written last of each frontend. */
  #seen = new Map<string, LbFrontend>();

  constructor(options: LbOptions) {
    this.#options = options;
  }

  get nodePortIPs(): readonly string[] {
    return this.#nodePortIPs;
  }

  /** Addresses of the node on which node ports answer. */
  setNodePortIPs(ips: readonly string[]): void {
    this.#nodePortIPs = [...ips].sort((a, b) => (digitsOf(a) < digitsOf(b) ? -1 : 1));
  }

  /** Follows the tables: frontends that have changed, in the order in which they did, and those that have gone. */
  follow(tables: LoadBalancerTables): void {
    const now = new Map(tables.frontends.map((frontend) => [frontend.address.text, frontend]));
    for (const [text, frontend] of this.#seen) {
      if (now.has(text)) continue;
      this.#seen.delete(text);
      this.#remove(frontend);
    }
    const pending = [...now.values()].filter(({ status }) => status === 'Pending');
    for (const frontend of pending.sort((a, b) => a.revision - b.revision)) {
      tables.settle(frontend, this.#write(frontend));
      this.#seen.set(frontend.address.text, frontend);
    }
  }

  /** A restart: all is forgotten but the maps, which tell numbers and quarantined backends. */
  restart(): void {
    this.#serviceIds = new Ids(MOST_SERVICES);
    this.#backendIds = new Ids(MOST_BACKENDS);
    this.#memory = new Map();
    this.#references = new Map();
    this.#sourceRanges = new Map();
    this.#copies = new Map();
    this.#restoredBackends = new Set(this.maps.backends.keys());
    for (const [id, { address }] of this.maps.backends) this.#backendIds.add(address, id);
    this.#restoredServices = new Set();
    this.#restoredQuarantines = new Map();
    const entries = [...this.maps.services.values()];
    for (const { slot, id, address, count, quarantinedCount } of entries) {
      if (slot !== 0) continue;
      this.#serviceIds.add(address, id);
      this.#restoredServices.add(id);
      const slots = entries.filter((entry) => entry.address.text === address.text && entry.slot > 0);
      if (quarantinedCount === 0 || slots.length !== count + quarantinedCount) continue;
      const held = slots.filter((entry) => entry.slot > count);
      const texts = held.flatMap(({ backendId }) => this.#backendIds.addressOf(backendId)?.text ?? []);
      this.#restoredQuarantines.set(address.text, new Set(texts));
    }
  }

  /** Removes from the maps what no frontend accounts for. */
  prune(): void {
    this.#freeRestored();
    for (const [key, { address, slot, backendId }] of this.maps.services) {
      const references = this.#references.get(address.text);
      if (references && slot <= references.size) continue;
      this.maps.services.delete(key);
      const backend = slot > 0 ? this.#backendIds.addressOf(backendId) : undefined;
      if (backend) this.#forgetQuarantine(address, backend);
    }
    for (const [id, { address }] of this.maps.backends)
      if (!this.#memory.has(address.text)) this.maps.backends.delete(id);
    for (const id of this.maps.reverse.keys()) if (!this.#serviceIds.addressOf(id)) this.maps.reverse.delete(id);
    for (const [key, { id, cidr }] of this.maps.sourceRanges) {
      const address = this.#serviceIds.addressOf(id);
      if (!address || !this.#sourceRanges.get(address.text)?.has(cidr)) this.maps.sourceRanges.delete(key);
    }
    for (const id of this.maps.maglev.keys()) if (!this.#serviceIds.addressOf(id)) this.maps.maglev.delete(id);
  }

  /** What is remembered, counted, in the words of Cilium's own summary. */
  summary(): string[] {
    return [
      `serviceIDs: ${this.#serviceIds.size}`,
      `restoredServiceIDs: ${this.#restoredServices.size}`,
      `backendIDs: ${this.#backendIds.size}`,
      `restoredBackendIDs: ${this.#restoredBackends.size}`,
      `backendStates: ${this.#memory.size}`,
      `backendReferences: ${this.#references.size}`,
      `nodePortAddrByPort: ${this.#copies.size}`,
      `prevSourceRanges: ${this.#sourceRanges.size}`,
      `restoredQuarantines: ${this.#restoredQuarantines.size}`,
    ];
  }

  #freeRestored(): void {
    for (const id of this.#restoredServices) {
      const address = this.#serviceIds.addressOf(id);
      if (address && !this.#references.has(address.text)) this.#serviceIds.release(id);
    }
    for (const id of this.#restoredBackends) {
      const address = this.#backendIds.addressOf(id);
      if (address && !this.#memory.has(address.text)) this.#backendIds.release(id);
    }
    this.#restoredServices = new Set();
    this.#restoredBackends = new Set();
  }

  #copiesOf({ address }: LbFrontend): string {
    return `${address.family} ${address.port}`;
  }

  #write(frontend: LbFrontend): string | undefined {
    const error = this.#writeOne(frontend);
    if (error !== undefined || !isCopied(frontend)) return error;
    const { address } = frontend;
    const ips = this.#nodePortIPs.filter((ip) => ip.includes(':') === (address.family === 'IPv6'));
    for (const ip of ips) {
      const failed = this.#writeOne({ ...frontend, address: atAddress(address, ip) });
      if (failed !== undefined) return failed;
    }
    for (const ip of this.#copies.get(this.#copiesOf(frontend)) ?? []) {
      if (!ips.includes(ip)) this.#removeOne({ ...frontend, address: atAddress(address, ip) });
    }
    this.#copies.set(this.#copiesOf(frontend), ips);
    return undefined;
  }

  #remove(frontend: LbFrontend): void {
    this.#removeOne(frontend);
    if (!isCopied(frontend)) return;
    for (const ip of this.#copies.get(this.#copiesOf(frontend)) ?? []) {
      this.#removeOne({ ...frontend, address: atAddress(frontend.address, ip) });
    }
    this.#copies.delete(this.#copiesOf(frontend));
  }

  /** An error is what Cilium writes into the frontend's row. */
  #writeOne(frontend: LbFrontend): string | undefined {
    const { service, address } = frontend;
    const proxyPort = proxyPortOf(frontend);
    if (service.affinitySeconds !== undefined && service.proxyRedirect)
      return 'invalid feature combination: SessionAffinity with proxy redirection is not supported';
    if (service.loopbackHostPort && delegatesIfLocal(service))
      return 'invalid feature combination: HostPort loopback with proxy delegation is not supported ';
    const id = this.#serviceIds.acquire(address);
    if (id === undefined) return 'failed to allocate id: no ID available';
    const ordered = this.#order(frontend);
    const texts = new Set(ordered.map(({ params }) => params.address.text));
    for (const orphan of this.#orphans(address, texts)) this.#dropBackend(orphan, id, address);
    const flags = frontendFlags(frontend, this.#options);
    const counts = { active: 0, terminating: 0, inactive: 0 };
    for (const [index, use] of ordered.entries()) {
      const backendId = this.#writeBackend(use);
      if (backendId === undefined) return 'no ID available';
      const slot = index + 1;
      const entry = { address, slot, id, backendId, count: 0, quarantinedCount: 0, flags, affinitySeconds: 0 };
      this.maps.services.set(`${address.text}#${slot}`, entry);
      const sticky = service.affinitySeconds !== undefined && use.params.state === 'active';
      if (sticky) this.maps.affinity.set(`${id} ${backendId}`, { id, backendId });
      else this.maps.affinity.delete(`${id} ${backendId}`);
      if (use.params.healthKnown) this.#forgetQuarantine(address, use.params.address);
      const state = use.params.unhealthy ? 'quarantined' : use.params.state;
      counts[state === 'active' || state === 'terminating' ? state : 'inactive'] += 1;
    }
    // Without one that is active, those that are about to go still serve (KEP-1669).
    const count = counts.active > 0 ? counts.active : counts.terminating;
    const held = counts.inactive + (counts.active > 0 ? counts.terminating : 0);
    this.#writeMaglev(frontend, id, ordered.slice(0, count));
    this.#writeSourceRanges(frontend, id);
    this.maps.reverse.set(id, address);
    const algorithm = this.#options.algorithmAnnotation ? algorithmAnnotation(service) : undefined;
    this.maps.services.set(`${address.text}#0`, {
      address,
      slot: 0,
      id,
      backendId: 0,
      count,
      quarantinedCount: held,
      flags,
      ...(algorithm && { algorithm }),
      affinitySeconds: service.affinitySeconds ?? 0,
      ...(proxyPort !== undefined && { proxyPort }),
    });
    const before = this.#references.get(address.text)?.size ?? 0;
    for (let slot = ordered.length + 1; slot <= before; slot++) this.maps.services.delete(`${address.text}#${slot}`);
    this.#refer(address, texts);
    return undefined;
  }

  #removeOne(frontend: LbFrontend): void {
    const { address } = frontend;
    const id = this.#serviceIds.find(address);
    if (id === undefined) return;
    this.#restoredQuarantines.delete(address.text);
    this.maps.maglev.delete(id);
    const references = this.#references.get(address.text) ?? new Set();
    for (const text of references) this.maps.affinity.delete(`${id} ${this.#memory.get(text)?.id}`);
    for (const orphan of this.#orphans(address, new Set())) this.#dropBackend(orphan, id, address);
    for (let slot = 0; slot <= references.size; slot++) this.maps.services.delete(`${address.text}#${slot}`);
    this.maps.reverse.delete(id);
    for (const cidr of this.#sourceRanges.get(address.text) ?? []) this.maps.sourceRanges.delete(`${id} ${cidr}`);
    this.#sourceRanges.delete(address.text);
    this.#refer(address, new Set());
    this.#references.delete(address.text);
    this.#serviceIds.release(id);
  }

  /** Healthy ones first, then by state, address and port: slots stay where they are as long as they can. */
  #order({ address, backends }: LbFrontend): BackendUse[] {
    const held = this.#restoredQuarantines.get(address.text);
    const known = backends.map((use) => {
      const unhealthy =
        use.params.unhealthy || (!use.params.healthKnown && held?.has(use.params.address.text) === true);
      return { ...use, params: { ...use.params, unhealthy } };
    });
    return known.sort(
      ({ params: a }, { params: b }) =>
        Number(a.unhealthy) - Number(b.unhealthy) ||
        BACKEND_STATES.indexOf(a.state) - BACKEND_STATES.indexOf(b.state) ||
        (a.address.key < b.address.key ? -1 : 1),
    );
  }

  /** Undefined: no number is left. */
  #writeBackend({ params: { address, state }, revision }: BackendUse): number | undefined {
    const known = this.#memory.get(address.text);
    const id = known && known.id !== 0 ? known.id : this.#backendIds.acquire(address);
    if (id === undefined) return undefined;
    if (revision > (known?.revision ?? 0)) {
      this.maps.backends.set(id, { address, state });
      this.#memory.set(address.text, { references: 0, ...known, address, id, revision });
    }
    return id;
  }

  #writeMaglev(frontend: LbFrontend, id: number, active: readonly BackendUse[]): void {
    if (!this.#usesMaglev(frontend)) return;
    const backends = active.flatMap(({ params: { address } }) => {
      const backendId = this.#backendIds.find(address);
      return backendId === undefined ? [] : { id: backendId, address };
    });
    if (backends.length === 0) this.maps.maglev.delete(id);
    else this.maps.maglev.set(id, maglevShares(backends, this.#options.maglevTableSize));
  }

  /** The wildcard is not for traffic from outside; ClusterIP has a table only where it is. */
  #usesMaglev(frontend: LbFrontend): boolean {
    if (isWildcard(frontend.address)) return false;
    const asked = this.#options.algorithmAnnotation ? algorithmAnnotation(frontend.service) : undefined;
    if (asked !== undefined) return asked === 'maglev';
    if (this.#options.algorithm !== 'maglev') return false;
    return frontend.type !== 'ClusterIP' || this.#options.externalClusterIP;
  }

  #writeSourceRanges(frontend: LbFrontend, id: number): void {
    const { text, family } = frontend.address;
    const wanted = new Set(frontend.service.sourceRanges.filter((cidr) => prefixFamily(cidr) === family));
    for (const cidr of wanted) this.maps.sourceRanges.set(`${id} ${cidr}`, { id, cidr });
    for (const cidr of this.#sourceRanges.get(text) ?? [])
      if (!wanted.has(cidr)) this.maps.sourceRanges.delete(`${id} ${cidr}`);
    this.#sourceRanges.set(text, wanted);
  }

  /** Backends that only this frontend refers to, and will not any more. */
  #orphans(address: LbAddress, kept: ReadonlySet<string>): BackendMemory[] {
    const texts = [...(this.#references.get(address.text) ?? [])].filter((text) => !kept.has(text));
    return texts.flatMap((text) => {
      const known = this.#memory.get(text);
      return known && known.references <= 1 ? known : [];
    });
  }

  #dropBackend({ address, id }: BackendMemory, frontendId: number, frontend: LbAddress): void {
    this.#forgetQuarantine(frontend, address);
    this.maps.backends.delete(id);
    this.maps.affinity.delete(`${frontendId} ${id}`);
    this.#memory.delete(address.text);
    this.#backendIds.release(id);
  }

  #forgetQuarantine(frontend: LbAddress, backend: LbAddress): void {
    const held = this.#restoredQuarantines.get(frontend.text);
    held?.delete(backend.text);
    if (held?.size === 0) this.#restoredQuarantines.delete(frontend.text);
  }

  #refer({ text }: LbAddress, texts: Set<string>): void {
    const before = this.#references.get(text) ?? new Set();
    for (const gone of before) {
      const known = this.#memory.get(gone);
      if (known && !texts.has(gone) && known.references > 1) known.references -= 1;
    }
    for (const fresh of texts) {
      const known = this.#memory.get(fresh);
      if (known && !before.has(fresh)) known.references += 1;
    }
    this.#references.set(text, texts);
  }
}
