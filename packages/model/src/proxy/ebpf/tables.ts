/**
 * Cilium's load balancer tables on one node: Services, frontends and backends, kept as objects come and go.
 * (pkg/loadbalancer/writer/writer.go, reflectors/k8s.go)
 */
import type { EndpointSlice, Pod, Service } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import { byKey } from './address.ts';
import { hostPortPrefix, hostPortServices } from './host-ports.ts';
import type { LbOptions } from './options.ts';
import type {
  BackendParams,
  BackendUse,
  FrontendParams,
  LbBackend,
  LbFrontend,
  LbService,
  LbSource,
} from './records.ts';
import { selectBackends } from './select.ts';
import { convertService, type LbNode, serviceName } from './service.ts';
import { backendsOfSlice, serviceOfSlice } from './slices.ts';

const ZONE = 'topology.kubernetes.io/zone';
/** The smaller comes first. (pkg/source/source.go) */
const PRIORITY: Record<LbSource, number> = { k8s: 4, api: 7 };

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Texts by name. */
class Index {
  readonly #texts = new Map<string, Set<string>>();

  of(name: string): string[] {
    return [...(this.#texts.get(name) ?? [])];
  }

  add(name: string, text: string): void {
    const texts = this.#texts.get(name);
    if (texts) texts.add(text);
    else this.#texts.set(name, new Set([text]));
  }

  remove(name: string, text: string): void {
    const texts = this.#texts.get(name);
    texts?.delete(text);
    if (texts?.size === 0) this.#texts.delete(name);
  }
}

export interface LoadBalancerTablesOptions {
  options: LbOptions;
  node: LbNode;
  report?: (problem: Problem) => void;
}

export class LoadBalancerTables {
  readonly options: LbOptions;
  #node: LbNode;
  #revision = 0;
  readonly #report: (problem: Problem) => void;
  readonly #services = new Map<string, LbService>();
  readonly #frontends = new Map<string, LbFrontend>();
  readonly #backends = new Map<string, LbBackend>();
  /** Texts of their addresses, by the Service they belong to. */
  readonly #frontendsOf = new Index();
  readonly #backendsOf = new Index();
  /** Backends of each slice as it was seen last, by `namespace/name`. */
  readonly #slices = new Map<string, Map<string, BackendParams>>();

  constructor({ options, node, report = () => {} }: LoadBalancerTablesOptions) {
    this.options = options;
    this.#node = node;
    this.#report = report;
  }

  get node(): LbNode {
    return this.#node;
  }

  /** In byte order of their names. */
  get services(): LbService[] {
    return [...this.#services.values()].sort((a, b) => order(a.name, b.name));
  }

  get frontends(): LbFrontend[] {
    return [...this.#frontends.values()].sort(({ address: a }, { address: b }) => byKey(a, b));
  }

  get backends(): LbBackend[] {
    return [...this.#backends.values()].sort(({ address: a }, { address: b }) => byKey(a, b));
  }

  /** A Service that another one's frontend stands in the way of changes nothing. */
  upsertService(object: Service, source: LbSource = 'k8s'): void {
    const converted = convertService(object, source === 'k8s' ? this.#node : undefined, this.options, source);
    if (converted) this.#upsertFrontends(converted.service, converted.frontends);
    else this.deleteService(object);
  }

  deleteService(object: { metadata: { namespace?: string; name: string } }): void {
    this.#dropService(serviceName(object));
  }

  /** Slices of one Service that changed together; `gone` for those that were deleted. */
  updateSlices(slices: readonly { slice: EndpointSlice; gone: boolean }[], source: LbSource = 'k8s'): void {
    const byService = new Map<string, { slice: EndpointSlice; gone: boolean }[]>();
    for (const one of slices) {
      const name = serviceOfSlice(one.slice);
      const group = byService.get(name) ?? [];
      byService.set(name, group);
      // Of a slice that stands twice the last state counts, at the first one's place.
      const same = group.findIndex(({ slice }) => slice.metadata.name === one.slice.metadata.name);
      if (same < 0) group.push(one);
      else group[same] = one;
    }
    for (const [name, group] of byService) this.#updateGroup(name, group, source);
  }

  #updateGroup(service: string, group: readonly { slice: EndpointSlice; gone: boolean }[], source: LbSource): void {
    const states = group.map(({ slice, gone }) => ({
      key: serviceName(slice),
      backends: gone ? new Map<string, BackendParams>() : backendsOfSlice(slice, this.options, source),
    }));
    const touched = new Set<string>();
    // What a slice has lost goes first: another one of the same change may bring it again.
    for (const { key, backends } of states) {
      for (const [text] of this.#slices.get(key) ?? []) {
        if (backends.has(text)) continue;
        this.#release(service, text);
        touched.add(service);
      }
    }
    for (const { backends } of states) this.#upsertBackends(service, backends.values(), touched);
    for (const { key, backends } of states) {
      if (backends.size > 0) this.#slices.set(key, backends);
      else this.#slices.delete(key);
    }
    for (const name of touched) this.#refresh(name);
  }

  /** Host ports of a pod; `gone` also for one that has ended. */
  updatePod(pod: Pod, gone: boolean): void {
    const ended = gone || pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
    if (!ended && (pod.status?.phase !== 'Running' || pod.metadata.deletionTimestamp !== undefined)) return;
    const wanted = ended || !this.options.kubeProxyReplacement ? [] : hostPortServices(pod, this.options, this.#report);
    for (const { service, frontends, backends } of wanted) {
      if (!this.#upsertFrontends(service, frontends)) continue;
      const given = new Set(backends.map(({ address }) => address.text));
      for (const text of this.#backendsOf.of(service.name)) if (!given.has(text)) this.#release(service.name, text);
      this.#upsertBackends(service.name, backends, new Set());
      this.#refresh(service.name);
    }
    const kept = new Set(wanted.map(({ service }) => service.name));
    for (const { name } of this.services) {
      if (!name.startsWith(hostPortPrefix(pod)) || kept.has(name)) continue;
      for (const text of this.#backendsOf.of(name)) this.#release(name, text);
      this.#dropService(name);
    }
  }

  /** Labels decide the zone, and whether a Service is for this node when it is seen next. */
  setNodeLabels(labels: Readonly<Record<string, string>>): void {
    const before = this.#node.labels[ZONE];
    this.#node = { ...this.#node, labels };
    if (!this.options.serviceTopology || before === labels[ZONE]) return;
    for (const frontend of this.frontends) if (frontend.service.preferClose) this.#refreshOne(frontend);
  }

  /** Addresses for node ports have changed. */
  touchNodePorts(): void {
    for (const frontend of this.frontends) {
      const wildcard = frontend.address.ip === '0.0.0.0' || frontend.address.ip === '::';
      if (frontend.type === 'NodePort' || (frontend.type === 'HostPort' && wildcard)) this.#put({ ...frontend });
    }
  }

  /** What a health checker says about a backend of a Service. False: there is no such backend. */
  setHealth(service: string, text: string, healthy: boolean): boolean {
    const backend = this.#backends.get(text);
    const at = backend?.instances.findIndex((instance) => instance.service === service) ?? -1;
    const instance = backend?.instances[at];
    if (!backend || !instance) return false;
    if (instance.params.unhealthy === !healthy && instance.params.healthKnown) return true;
    const params = { ...instance.params, unhealthy: !healthy, healthKnown: true };
    this.#putBackend({ ...backend, instances: backend.instances.with(at, { service, params }) });
    this.#refresh(service);
    return true;
  }

  /** Sends a frontend's traffic to the backends of another Service, or to its own again. */
  redirect(text: string, to: string | undefined): void {
    const frontend = this.#frontends.get(text);
    if (!frontend || frontend.redirectTo === to) return;
    const { redirectTo: _, ...rest } = frontend;
    this.#refreshOne(to === undefined ? rest : { ...rest, redirectTo: to });
  }

  /** Takes away all that a source has brought; of a Service that several bring the backends of all of them go. */
  dropSource(source: LbSource): void {
    for (const service of this.services) if (service.source === source) this.#dropService(service.name);
    const touched = new Set<string>();
    for (const { address, instances } of this.backends) {
      const found = instances.find(({ params }) => params.source === source);
      if (!found) continue;
      this.#release(found.service, address.text);
      touched.add(found.service);
    }
    for (const service of touched) this.#refresh(service);
  }

  /** How the datapath's maps took a frontend. */
  settle(frontend: LbFrontend, error?: string): void {
    const now = this.#frontends.get(frontend.address.text);
    if (!now || now.revision !== frontend.revision) return;
    now.status = error === undefined ? 'Done' : 'Error';
    now.error = error ?? '';
  }

  #upsertFrontends(service: LbService, params: readonly FrontendParams[]): boolean {
    for (const { address } of params) {
      const taken = this.#frontends.get(address.text);
      if (!taken || taken.service.name === service.name) continue;
      this.#report({
        severity: 'warning',
        code: 'frontend-conflict',
        message: `Cilium leaves out ${service.name}: ${address.text} belongs to ${taken.service.name} already.`,
        object: `Service ${service.name}`,
      });
      return false;
    }
    this.#services.set(service.name, service);
    const kept = new Set(params.map(({ address }) => address.text));
    for (const one of params) {
      const redirectTo = this.#frontends.get(one.address.text)?.redirectTo;
      this.#refreshOne({ ...one, service, backends: [], ...(redirectTo !== undefined && { redirectTo }), ...FRESH });
    }
    for (const text of this.#frontendsOf.of(service.name)) if (!kept.has(text)) this.#dropFrontend(service.name, text);
    return true;
  }

  #dropService(name: string): void {
    for (const text of this.#frontendsOf.of(name)) this.#dropFrontend(name, text);
    this.#services.delete(name);
  }

  #dropFrontend(service: string, text: string): void {
    this.#frontends.delete(text);
    this.#frontendsOf.remove(service, text);
  }

  #putBackend(backend: LbBackend): void {
    const { text } = backend.address;
    this.#backends.set(text, { ...backend, revision: ++this.#revision });
    for (const { service } of backend.instances) this.#backendsOf.add(service, text);
  }

  #upsertBackends(service: string, params: Iterable<BackendParams>, touched: Set<string>): void {
    for (const given of params) {
      const { text } = given.address;
      const before = this.#backends.get(text)?.instances ?? [];
      const own = before.find((one) => one.service === service && one.params.source === given.source)?.params;
      const next = own ? { ...given, unhealthy: own.unhealthy, healthKnown: own.healthKnown } : given;
      const others = before.filter((one) => one.service !== service || one.params.source !== given.source);
      const instances = [...others, { service, params: next }].sort(
        (a, b) => order(a.service, b.service) || PRIORITY[a.params.source] - PRIORITY[b.params.source],
      );
      this.#putBackend({ address: given.address, instances, revision: 0 });
      for (const instance of instances) touched.add(instance.service);
    }
  }

  #release(service: string, text: string): void {
    const backend = this.#backends.get(text);
    if (!backend) return;
    this.#backendsOf.remove(service, text);
    const instances = backend.instances.filter((instance) => instance.service !== service);
    if (instances.length === 0) this.#backends.delete(text);
    else this.#putBackend({ ...backend, instances });
  }

  #refresh(service: string): void {
    for (const text of this.#frontendsOf.of(service)) {
      const frontend = this.#frontends.get(text);
      if (frontend) this.#refreshOne(frontend);
    }
  }

  #refreshOne(frontend: LbFrontend): void {
    const service = frontend.redirectTo === undefined ? frontend.service : this.#services.get(frontend.redirectTo);
    const backends = service
      ? selectBackends(this.#uses(service.name), frontend, service, this.#selecting)
      : frontend.backends;
    this.#put({ ...frontend, backends });
  }

  #put(frontend: LbFrontend): void {
    const { text } = frontend.address;
    this.#frontends.set(text, { ...frontend, ...FRESH, revision: ++this.#revision });
    this.#frontendsOf.add(frontend.service.name, text);
  }

  #uses(service: string): BackendUse[] {
    const backends = this.#backendsOf.of(service).flatMap((text) => this.#backends.get(text) ?? []);
    return backends
      .sort(({ address: a }, { address: b }) => byKey(a, b))
      .flatMap(({ instances, revision }) => {
        const params = instances.find((instance) => instance.service === service)?.params;
        return params ? { params, revision } : [];
      });
  }

  get #selecting() {
    return { options: this.options, nodeName: this.#node.name, zone: this.#node.labels[ZONE] };
  }
}

const FRESH = { status: 'Pending' as const, error: '', revision: 0 };
