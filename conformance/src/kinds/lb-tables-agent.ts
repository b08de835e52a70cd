/** What a script talks to: the tables and maps of one node, its addresses, and the objects that an API server would have. */
import {
  dumpMaps,
  type EndpointSlice,
  type KubeObject,
  type LbMaps,
  LoadBalancerTables,
  lbOptions,
  MapWriter,
  optionsOfArguments,
  type Pod,
  parseLbAddress,
  printBackends,
  printFrontends,
  printServices,
  type Service,
} from '@podwire/model';
import { loadAll } from 'js-yaml';
import type { TextTable } from './lb-tables-text.ts';

interface NodeAddress {
  addr: string;
  nodeport: boolean;
  primary: boolean;
  devicename: string;
}

type Change = 'add' | 'update' | 'delete';

/** One row with what it can be asked for by. */
interface Keyed {
  row: string[];
  keys: Record<string, string[]>;
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export class Agent {
  readonly tables: LoadBalancerTables;
  readonly #writer: MapWriter;
  readonly #stateFile: string | undefined;
  #snapshot: LbMaps | undefined;
  #started = false;
  #waiting: { object: KubeObject; change: Change }[] = [];
  readonly #addresses = new Map<string, NodeAddress>();

  constructor(nodeName: string, flags: readonly string[]) {
    const texts = optionsOfArguments(flags);
    const { options, problems } = lbOptions({ 'bpf-lb-maglev-table-size': '1021', ...texts });
    if (problems[0]) throw new Error(problems[0].message);
    this.#stateFile = texts['lb-state-file']?.replace(/^\$WORK\//, '');
    this.tables = new LoadBalancerTables({ options, node: { name: nodeName, labels: {} } });
    this.#writer = new MapWriter(options);
  }

  start(): void {
    this.#started = true;
    this.#apply(this.#waiting);
    this.#waiting = [];
  }

  /** Objects of the texts change together. */
  change(change: Change, texts: readonly string[]): void {
    const objects = texts.flatMap((text) => loadAll(text) as KubeObject[]).filter((object) => object !== null);
    const changes = objects.map((object) => ({ object, change }));
    if (this.#started) this.#apply(changes);
    else this.#waiting.push(...changes);
  }

  #apply(changes: readonly { object: KubeObject; change: Change }[]): void {
    const slices: { slice: EndpointSlice; gone: boolean }[] = [];
    for (const { object, change } of changes) {
      const gone = change === 'delete';
      switch (object.kind) {
        case 'Service':
          if (gone) this.tables.deleteService(object);
          else this.tables.upsertService(object as Service);
          break;
        case 'EndpointSlice':
          slices.push({ slice: object as EndpointSlice, gone });
          break;
        case 'Pod':
          this.tables.updatePod(object as Pod, gone);
          break;
        default:
          throw new Error(`objects of kind ${object.kind} are not read`);
      }
    }
    this.tables.updateSlices(slices);
    this.follow();
  }

  /** The file of `--lb-state-file`, if it is the one. */
  fileChanged(name: string, text: string): void {
    if (name !== this.#stateFile || !this.#started) return;
    const [state] = loadAll(text) as ({ services?: Service[]; endpoints?: EndpointSlice[] } | undefined)[];
    this.tables.dropSource('api');
    for (const service of state?.services ?? []) this.tables.upsertService(service, 'api');
    for (const slice of state?.endpoints ?? []) this.tables.updateSlices([{ slice, gone: false }], 'api');
    this.follow();
  }

  get stateFile(): string | undefined {
    return this.#stateFile;
  }

  /** Brings the maps to what the tables say. */
  follow(): void {
    if (this.#started) this.#writer.follow(this.tables);
  }

  setNodeLabels(labels: Record<string, string>): void {
    this.tables.setNodeLabels(labels);
    this.follow();
  }

  setHealth(service: string, address: string, healthy: boolean): void {
    const text = parseLbAddress(address)?.text ?? address;
    if (!this.tables.setHealth(service, text, healthy)) throw new Error(`${service} has no backend ${address}`);
    this.follow();
  }

  changeAddresses(texts: readonly string[], gone: boolean): void {
    for (const address of texts.flatMap((text) => loadAll(text) as NodeAddress[])) {
      const key = `${address.addr} ${address.devicename}`;
      if (gone) this.#addresses.delete(key);
      else this.#addresses.set(key, address);
    }
    const before = this.#writer.nodePortIPs.join();
    this.#writer.setNodePortIPs(
      [...this.#addresses.values()].filter(({ nodeport }) => nodeport).map(({ addr }) => addr),
    );
    if (this.#writer.nodePortIPs.join() !== before) this.tables.touchNodePorts();
    this.follow();
  }

  dumpMaps(): string[] {
    return dumpMaps(this.#writer.maps);
  }

  snapshotMaps(): void {
    this.#snapshot = this.#writer.maps.snapshot();
  }

  restoreMaps(): void {
    if (this.#snapshot) this.#writer.maps.restore(this.#snapshot);
  }

  prune(): void {
    this.#writer.prune();
  }

  restart(): void {
    this.#writer.restart();
  }

  summary(): string {
    return this.#writer
      .summary()
      .map((line) => `${line}\n`)
      .join('');
  }

  /** Undefined: no such table is modelled. */
  table(name: string): (TextTable & { keyed: Keyed[] }) | undefined {
    const { services, frontends, backends } = this.tables;
    switch (name) {
      case 'services':
        return keyed(printServices(services), (row) => ({ name: [services[row]?.name ?? ''] }));
      case 'frontends':
        return keyed(printFrontends(frontends), (row) => ({
          address: [frontends[row]?.address.key ?? ''],
          service: [frontends[row]?.service.name ?? ''],
        }));
      case 'backends':
        return keyed(printBackends(backends), (row) => ({
          address: [backends[row]?.address.key ?? ''],
          service: [...new Set(backends[row]?.instances.map(({ service }) => service))],
        }));
      case 'node-addresses':
        return keyed(this.#addressTable(), (row) => ({ id: [String(row)] }));
      default:
        return undefined;
    }
  }

  #addressTable(): { columns: string[]; rows: string[][] } {
    const rows = [...this.#addresses.values()].sort(
      (a, b) => order(digits(a.addr), digits(b.addr)) || order(a.devicename, b.devicename),
    );
    return {
      columns: ['Address', 'NodePort', 'Primary', 'DeviceName'],
      rows: rows.map(({ addr, nodeport, primary, devicename }) => [
        addr,
        String(nodeport),
        String(primary),
        devicename,
      ]),
    };
  }
}

/** IPv4 before IPv6, then by value. */
function digits(ip: string): string {
  const address = parseLbAddress(ip.includes(':') ? `[${ip}]:0` : `${ip}:0`);
  return `${ip.includes(':') ? 6 : 4}${address?.key ?? ip}`;
}

function keyed(
  { columns, rows }: { columns: readonly string[]; rows: string[][] },
  keysOf: (row: number) => Record<string, string[]>,
): TextTable & { keyed: Keyed[] } {
  return { columns: [...columns], rows, keyed: rows.map((row, index) => ({ row, keys: keysOf(index) })) };
}
