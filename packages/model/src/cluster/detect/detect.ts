/** Every setting of the cluster with how it was found: given, detected or assumed. */

import { onePerFamily } from '../../net/cidr.ts';
import type { IPFamily } from '../../objects/kube.ts';
import type { ProxyConfig } from '../../proxy/proxy.ts';
import type { ClusterSettings, PodWiring, Setting } from '../cluster.ts';
import type { Collected } from '../collect.ts';
import type { ClusterOverrides } from '../overrides.ts';
import type { Report } from '../report.ts';
import { cniNames, cniPodRanges, encapsulations } from './cni.ts';
import { cniProfile } from './cni-profiles.ts';
import {
  clusterDNSAddresses,
  clusterDomains,
  kindFamily,
  kubeletDomains,
  nodePortRanges,
  podRanges,
  serviceRanges,
} from './component-config.ts';
import { detectFamilies } from './families.ts';
import { detectProxy } from './kube-proxy.ts';
import { Programs } from './programs.ts';
import { podNetwork, serviceNetwork } from './ranges.ts';
import { choose, type Finding } from './setting.ts';
import { type NodeShown, shownPlugins } from './shown.ts';

export interface Detected {
  settings: ClusterSettings;
  /** Primary first. */
  families: IPFamily[];
  proxyOfNodes: ReadonlyMap<string, Setting<ProxyConfig>>;
}

/** A wrong prefix on the command line or in a file would otherwise only show as odd routes. */
function checkRanges(settings: ClusterSettings, report: Report): void {
  for (const [option, setting] of [
    ['--pod-cidr', settings.podCIDRs],
    ['--service-cidr', settings.serviceCIDRs],
  ] as const) {
    for (const cidr of setting.value) {
      if (onePerFamily([cidr]).length > 0) continue;
      report.problem(
        'error',
        'bad-cidr',
        { ...(setting.origin && { origin: setting.origin }) },
        `"${cidr}" (${option}) is no address range`,
        'Write it as 10.244.0.0/16 or fd00:10:244::/56.',
      );
    }
  }
}

function detectWiring(cni: Setting<string>, given: PodWiring | undefined): Setting<PodWiring> {
  if (given) return { value: given, how: 'given', why: '--wiring' };
  const { wiring } = cniProfile(cni.value);
  if (cni.how === 'assumed') return { value: wiring, how: 'assumed', why: 'no network plugin was found' };
  return {
    value: wiring,
    how: 'detected',
    why: `${cni.value} wires pods so`,
    ...(cni.origin && { origin: cni.origin }),
  };
}

/** Undefined where nothing says. */
function told<T>(given: T | undefined, option: string, findings: readonly Finding<T>[]): Setting<T> | undefined {
  if (given !== undefined) return { value: given, how: 'given', why: option };
  const [found] = findings;
  if (!found) return undefined;
  return { value: found.value, how: 'detected', why: found.why, ...(found.origin && { origin: found.origin }) };
}

/** Pods of several clusters have nothing in common: nobody would call that their network. */
function isNetwork(cidr: string): boolean {
  return !cidr.endsWith('/0');
}

export function detect(
  collected: Collected,
  overrides: ClusterOverrides,
  report: Report,
  shown: readonly NodeShown[] = [],
): Detected {
  const programs = new Programs(collected);
  const proxy = detectProxy(collected, programs, overrides, report, shown);
  const plugins = [...cniNames(collected, programs), ...shownPlugins(shown)];
  const cni = choose(overrides.cni, '--cni', plugins, () => ({
    value: 'unknown',
    why: 'nothing in the input shows a network plugin',
  }));
  const pods = [...podRanges(collected, programs), ...proxy.clusterCIDRs, ...cniPodRanges(collected, programs)];
  const services = serviceRanges(collected, programs);
  const families = detectFamilies(collected, overrides, services, pods, kindFamily(collected));
  const podCIDRs = podNetwork(collected, pods, families, overrides.podCIDRs);
  const profile = cniProfile(cni.value);
  // What kubelets are told otherwise follows from the Services, which have no addresses yet.
  const clusterDNS = told(overrides.clusterDNS, '--cluster-dns', clusterDNSAddresses(collected, programs));
  const kubeletDomain = told(overrides.clusterDomain, '--cluster-domain', kubeletDomains(collected, programs));
  const settings: ClusterSettings = {
    proxyMode: proxy.mode,
    // kubeadm, kind and the rest tell kube-proxy the pod network; only a configuration that is in the input can say otherwise.
    proxy:
      proxy.isConfigured || overrides.proxy?.clusterCIDRs
        ? proxy.config
        : { ...proxy.config, value: { ...proxy.config.value, clusterCIDRs: podCIDRs.value.filter(isNetwork) } },
    podCIDRs,
    serviceCIDRs: serviceNetwork(collected, services, families, overrides.serviceCIDRs),
    nodePortRange: choose(overrides.nodePortRange, '--node-port-range', nodePortRanges(programs), () => ({
      value: { from: 30000, to: 32767 },
      why: 'nothing in the input shows the flags of the API server: its default',
    })),
    clusterDomain: choose(overrides.clusterDomain, '--cluster-domain', clusterDomains(collected, programs), () => ({
      value: 'cluster.local',
      why: 'nothing in the input shows the configuration of the cluster DNS: the usual domain',
    })),
    ...(clusterDNS && { clusterDNS }),
    ...(kubeletDomain && { kubeletDomain }),
    cni,
    wiring: detectWiring(cni, overrides.wiring),
    encapsulation: choose(undefined, '', encapsulations(cni.value, collected, programs), () => ({
      value: profile.encapsulation ?? 'none',
      why:
        profile.encapsulation === undefined
          ? 'plain routes between nodes'
          : `what ${profile.name} does unless told otherwise`,
    })),
  };
  checkRanges(settings, report);
  return { settings, families, proxyOfNodes: proxy.ofNodes };
}
