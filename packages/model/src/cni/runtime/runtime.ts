/** What a container runtime does with a network's configuration: libcni's AddNetworkList, CheckNetworkList, DelNetworkList. */
import type { Host } from '../host/host.ts';
import { PLUGINS } from '../plugins/index.ts';
import { type Attachment, type Call, CniError, Unmodelled } from './call.ts';
import { type Conf, object } from './conf.ts';
import { type Result, VERSIONS } from './result.ts';

/** A `.conflist`. */
export interface Conflist {
  name: string;
  cniVersion: string;
  disableCheck?: boolean;
  plugins: readonly Readonly<Record<string, unknown>>[];
}

/** How one plugin of the chain ended. */
export interface Ran {
  type: string;
  error?: CniError;
}

export interface Outcome {
  ran: Ran[];
  /** Of a whole ADD. */
  result?: Result;
}

/** Only what a plugin says it can take is handed to it (libcni/api.go:injectRuntimeConfig). */
function injected(plugin: Readonly<Record<string, unknown>>, given: Readonly<Record<string, unknown>>) {
  const capabilities = object(plugin, 'capabilities');
  const taken = Object.entries(given).filter(([capability]) => capabilities[capability] === true);
  return taken.length > 0 ? { runtimeConfig: Object.fromEntries(taken) } : {};
}

/** pkg/version/reconcile.go */
function checkVersion(version: string): void {
  if ((VERSIONS as readonly string[]).includes(version)) return;
  const supported = VERSIONS.map((one) => `"${one}"`).join(' ');
  throw new CniError('incompatible CNI versions', 1, `config is "${version}", plugin supports [${supported}]`);
}

export class Runtime {
  readonly #host: Host;
  /** What ADD gave, by network, container and interface: the runtime's cache, handed to CHECK and DEL. */
  readonly #results = new Map<string, Result>();

  constructor(host: Host) {
    this.#host = host;
  }

  #key(list: Conflist, { containerId, ifname }: Attachment): string {
    return `${list.name} ${containerId} ${ifname}`;
  }

  #run(
    list: Conflist,
    plugin: Readonly<Record<string, unknown>>,
    verb: 'add' | 'check' | 'del',
    attachment: Attachment,
    given: Readonly<Record<string, unknown>>,
    prevResult: Result | undefined,
  ): { ran: Ran; result?: Result } {
    const type = typeof plugin.type === 'string' ? plugin.type : '';
    const conf: Conf = { ...plugin, ...injected(plugin, given), type, name: list.name, cniVersion: list.cniVersion };
    const call: Call = { ...attachment, host: this.#host, conf, prevResult };
    try {
      const program = Object.hasOwn(PLUGINS, type) ? PLUGINS[type] : undefined;
      if (!program) throw new Unmodelled(`the plugin ${type} is not modelled`);
      checkVersion(list.cniVersion);
      const result = program[verb](call);
      return { ran: { type }, ...(result && { result }) };
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      return { ran: { type, error } };
    }
  }

  /** The plugins in order, each given what the one before gave; ends with the first that fails. */
  add(list: Conflist, attachment: Attachment, given: Readonly<Record<string, unknown>> = {}): Outcome {
    const ran: Ran[] = [];
    let result: Result | undefined;
    for (const plugin of list.plugins) {
      const one = this.#run(list, plugin, 'add', attachment, given, result && structuredClone(result));
      ran.push(one.ran);
      if (one.ran.error) return { ran };
      result = one.result;
    }
    if (result) this.#results.set(this.#key(list, attachment), structuredClone(result));
    return { ran, ...(result && { result }) };
  }

  /** In order; ends with the first that fails. */
  check(list: Conflist, attachment: Attachment, given: Readonly<Record<string, unknown>> = {}): Outcome {
    const ran: Ran[] = [];
    if (list.disableCheck) return { ran };
    const cached = this.#results.get(this.#key(list, attachment));
    for (const plugin of list.plugins) {
      const one = this.#run(list, plugin, 'check', attachment, given, cached && structuredClone(cached));
      ran.push(one.ran);
      if (one.ran.error) break;
    }
    return { ran };
  }

  /** In reverse order, all of them whatever one says. */
  del(list: Conflist, attachment: Attachment, given: Readonly<Record<string, unknown>> = {}): Outcome {
    const key = this.#key(list, attachment);
    const cached = this.#results.get(key);
    const ran = list.plugins
      .toReversed()
      .map((plugin) => this.#run(list, plugin, 'del', attachment, given, cached && structuredClone(cached)).ran);
    if (ran.every(({ error }) => !error)) this.#results.delete(key);
    return { ran };
  }
}
