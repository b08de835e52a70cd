import { describe, expect, test } from 'vitest';
import type { ClusterSettings } from '../cluster.ts';
import { clusterOf, documents, node } from '../testing.ts';

async function settings(text: string, overrides = {}): Promise<ClusterSettings> {
  return (await clusterOf(text, overrides)).settings;
}

const config = (body: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-proxy, namespace: kube-system}
data:
  config.conf: |
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
${body.replace(/^/gm, '    ')}`;

const staticPod = (name: string, ...flags: string[]): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}-one, namespace: kube-system}
spec:
  hostNetwork: true
  containers: [{name: ${name}, image: "registry.example.com/${name}:v1", command: [${name}${flags.map((f) => `, "${f}"`).join('')}]}]`;

describe('kube-proxy', () => {
  test('its ConfigMap, with the line of the object', async () => {
    const found = await settings(
      config(
        'mode: ipvs\nclusterCIDR: 10.9.0.0/16\niptables: {masqueradeAll: true, masqueradeBit: 7}\nnodePortAddresses: [primary]',
      ),
    );
    expect(found.proxyMode).toMatchObject({ value: 'ipvs', how: 'detected', origin: { file: 'input.yaml', line: 2 } });
    expect(found.proxy).toMatchObject({
      how: 'detected',
      value: {
        clusterCIDRs: ['10.9.0.0/16'],
        masqueradeAll: true,
        masqueradeBit: 7,
        nodePortAddresses: ['primary'],
        detectLocalMode: 'ClusterCIDR',
      },
    });
    expect(found.podCIDRs).toMatchObject({ value: ['10.9.0.0/16'], how: 'detected' });
  });

  test('the section of IPVS mode, in that mode alone', async () => {
    const section =
      'ipvs: {scheduler: lc, strictARP: true, excludeCIDRs: [203.0.113.0/24], tcpTimeout: 15m0s, udpTimeout: 1.5s}';
    const found = await settings(config(`mode: ipvs\n${section}`));
    expect(found.proxy.value.ipvs).toEqual({
      scheduler: 'lc',
      strictARP: true,
      excludeCIDRs: ['203.0.113.0/24'],
      tcpTimeoutSeconds: 900,
      udpTimeoutSeconds: 1.5,
    });
    expect((await settings(config(`mode: iptables\n${section}`))).proxy.value).not.toHaveProperty('ipvs');
  });

  test('flags of IPVS mode', async () => {
    const command = '[kube-proxy, --proxy-mode=ipvs, --ipvs-scheduler=sh, --ipvs-strict-arp, --ipvs-udp-timeout=2m]';
    const found = await settings(staticPod('kube-proxy').replace('[kube-proxy]', command));
    expect(found.proxyMode.value).toBe('ipvs');
    expect(found.proxy.value.ipvs).toEqual({ scheduler: 'sh', strictARP: true, udpTimeoutSeconds: 120 });
  });

  test('an empty mode is iptables; without clusterCIDR there is none', async () => {
    const found = await settings(config('mode: ""\nclusterCIDR: ""'));
    expect(found.proxyMode).toMatchObject({ value: 'iptables', how: 'detected' });
    expect(found.proxy.value.clusterCIDRs).toEqual([]);
  });

  test('its flags, also inside a shell string', async () => {
    const shell = staticPod('kube-proxy').replace(
      'command: [kube-proxy]',
      'command: [/bin/sh, -c, "exec kube-proxy --proxy-mode=nftables --cluster-cidr 10.8.0.0/14 1>>/var/log/x"]',
    );
    const found = await settings(shell);
    expect(found.proxyMode).toMatchObject({
      value: 'nftables',
      how: 'detected',
      why: 'Pod kube-system/kube-proxy-one, --proxy-mode',
    });
    expect(found.proxy.value.clusterCIDRs).toEqual(['10.8.0.0/14']);
  });

  test('flags beside --config say nothing', async () => {
    const found = await settings(
      documents(
        staticPod('kube-proxy', '--config=/x', '--cluster-cidr=10.1.0.0/16'),
        config('clusterCIDR: 10.2.0.0/16'),
      ),
    );
    expect(found.proxy.value.clusterCIDRs).toEqual(['10.2.0.0/16']);
  });

  test('a file that is not in the input is not guessed from flags', async () => {
    const found = await settings(staticPod('kube-proxy', '--config=/x', '--masquerade-all=true'));
    expect(found.proxy).toMatchObject({ how: 'assumed', value: { masqueradeAll: false } });
  });

  test('a plugin that does its work', async () => {
    const cilium = `
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {kube-proxy-replacement: "true", routing-mode: native, cluster-pool-ipv4-cidr: 10.50.0.0/16}`;
    const cluster = await clusterOf(cilium);
    expect(cluster.settings.proxyMode).toMatchObject({ value: 'ebpf', how: 'detected' });
    expect(cluster.settings.cni.value).toBe('cilium');
    expect(cluster.settings.encapsulation?.value).toBe('none');
    expect(cluster.settings.podCIDRs.value).toEqual(['10.50.0.0/16']);
    expect(cluster.settings.proxy.value.cilium).toMatchObject({ 'routing-mode': 'native' });
  });

  test("Calico's programs are not Cilium's, and not modelled", async () => {
    const calico = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: calico-node}}
  template:
    metadata: {labels: {k8s-app: calico-node}}
    spec:
      hostNetwork: true
      containers: [{name: calico-node, image: calico/node, env: [{name: FELIX_BPFENABLED, value: "true"}]}]`;
    const cluster = await clusterOf(calico);
    expect(cluster.settings.proxyMode).toMatchObject({ value: 'calico-ebpf', how: 'detected' });
    expect(cluster.assumptions.map((a) => a.code)).toContain('proxy-mode-not-modelled');
  });

  test('an unknown mode is an error', async () => {
    const { problems, settings: found } = await clusterOf(config('mode: userspace'));
    expect(problems).toContainEqual(expect.objectContaining({ severity: 'error', code: 'unknown-proxy-mode' }));
    expect(found.proxyMode.how).toBe('assumed');
  });

  test.each([
    ['iptables', { masqueradeAll: true, masqueradeBit: 7 }],
    ['nftables', { masqueradeAll: false, masqueradeBit: 9 }],
  ] as const)('%s mode reads its own section', async (proxyMode, value) => {
    const text = config('iptables: {masqueradeAll: true, masqueradeBit: 7}\nnftables: {masqueradeBit: 9}');
    expect((await settings(text, { proxyMode })).proxy.value).toMatchObject(value);
    const flags = staticPod('kube-proxy', '--masquerade-all=true', '--iptables-masquerade-bit=7');
    const { masqueradeBit } = (await settings(flags, { proxyMode })).proxy.value;
    expect(masqueradeBit).toBe(proxyMode === 'nftables' ? 14 : 7);
  });

  test('nothing in the input: defaults, with the pod network', async () => {
    const found = await settings(node('a'));
    expect(found.proxyMode).toMatchObject({ value: 'iptables', how: 'assumed' });
    expect(found.proxy).toMatchObject({
      how: 'assumed',
      value: { clusterCIDRs: ['10.244.0.0/16'], masqueradeBit: 14, localhostNodePorts: true },
    });
  });
});

describe('networks', () => {
  test('flags of the control plane', async () => {
    const found = await settings(
      documents(
        staticPod('kube-apiserver', '--service-cluster-ip-range=10.70.0.0/16', '--service-node-port-range=20000-20100'),
        staticPod('kube-controller-manager', '--cluster-cidr=10.71.0.0/16,fd00:71::/56'),
      ),
    );
    expect(found.serviceCIDRs).toMatchObject({ value: ['10.70.0.0/16'], how: 'detected' });
    expect(found.nodePortRange).toMatchObject({ value: { from: 20000, to: 20100 }, how: 'detected' });
    expect(found.podCIDRs.value).toEqual(['10.71.0.0/16']);
  });

  test('kubeadm and the domain of CoreDNS', async () => {
    const found = await settings(
      documents(
        `
apiVersion: v1
kind: ConfigMap
metadata: {name: kubeadm-config, namespace: kube-system}
data:
  ClusterConfiguration: |
    networking: {dnsDomain: ignored.example, podSubnet: "10.1.0.0/16,fd00:1::/56", serviceSubnet: "10.2.0.0/16,fd00:2::/112"}`,
        `
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data:
  Corefile: |
    .:53 {
        kubernetes corp.example in-addr.arpa ip6.arpa {
           pods insecure
        }
    }`,
      ),
    );
    expect(found.podCIDRs).toMatchObject({ value: ['10.1.0.0/16', 'fd00:1::/56'], how: 'detected' });
    expect(found.serviceCIDRs.value).toEqual(['10.2.0.0/16', 'fd00:2::/112']);
    expect(found.clusterDomain).toMatchObject({ value: 'corp.example', how: 'detected' });
  });

  test('ServiceCIDR objects come before flags', async () => {
    const object =
      'apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\nspec: {cidrs: [10.3.0.0/16]}';
    const found = await settings(
      documents(staticPod('kube-apiserver', '--service-cluster-ip-range=10.4.0.0/16'), object),
    );
    expect(found.serviceCIDRs).toMatchObject({ value: ['10.3.0.0/16'], why: expect.stringContaining('ServiceCIDR') });
  });

  test("the API server's Service tells a usual service network, other Services a wider one", async () => {
    const svc = (name: string, ip: string): string =>
      `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {clusterIP: ${ip}, ports: [{port: 443}]}`;
    expect((await settings(svc('kubernetes', '10.43.0.1'))).serviceCIDRs).toMatchObject({
      value: ['10.43.0.0/16'],
      how: 'assumed',
    });
    expect((await settings(documents(svc('a', '10.200.3.4'), svc('b', '10.201.0.1')))).serviceCIDRs.value).toEqual([
      '10.200.0.0/15',
    ]);
  });

  test('pods of two clusters side by side: the network of most of them, and not one that holds everything', async () => {
    const pod = (name: string, address: string) =>
      `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: shop, uid: u-${name}}\nspec: {nodeName: a, containers: [{name: c}]}\nstatus: {phase: Running, podIP: ${address}}`;
    const two = documents(pod('p1', '10.244.0.7'), pod('p2', '10.244.0.8'), pod('p3', '172.17.0.3'));
    expect((await settings(two)).podCIDRs).toMatchObject({
      value: ['10.244.0.0/16'],
      why: 'the usual network that holds most of the addresses of the Pods',
    });
    const odd = documents(pod('p1', '10.9.0.7'), pod('p2', '10.9.1.8'), pod('p3', '172.17.0.3'));
    expect((await settings(odd)).podCIDRs).toMatchObject({ value: ['10.9.0.0/16'], how: 'assumed' });
  });

  test('the podCIDRs of nodes, both families; the primary one is the first', async () => {
    const found = await settings(node('a', '{podCIDRs: ["fd77::/64", 10.77.1.0/24]}'));
    expect(found.podCIDRs).toMatchObject({ value: ['fd77::/56', '10.77.0.0/16'], how: 'assumed' });
  });

  test('what kubelets are told of the cluster DNS', async () => {
    const file =
      'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDNS: [10.5.0.10, bad]\nclusterDomain: a.test.';
    expect(await settings(documents(file, node('a')))).toMatchObject({
      clusterDNS: { value: ['10.5.0.10'], how: 'detected', why: expect.stringContaining('clusterDNS') },
      kubeletDomain: { value: 'a.test', how: 'detected' },
    });
    const k3s = node('a').replace(
      'labels:',
      `annotations: {k3s.io/node-args: '["server","--cluster-dns","10.43.0.9"]'}, labels:`,
    );
    expect((await settings(k3s)).clusterDNS).toMatchObject({
      value: ['10.43.0.9'],
      why: expect.stringContaining('--cluster-dns'),
    });
    const none = await settings(node('a'));
    expect([none.clusterDNS, none.kubeletDomain]).toEqual([undefined, undefined]);
  });

  test('what the user says comes before everything', async () => {
    const overrides = {
      podCIDRs: ['10.66.0.0/16'],
      serviceCIDRs: ['10.67.0.0/16'],
      clusterDomain: 'k8s.test',
      proxyMode: 'nftables',
      cni: 'calico',
      wiring: 'bridge',
      nodePortRange: { from: 1, to: 2 },
      proxy: { masqueradeAll: true },
    };
    const found = await settings(config('mode: ipvs\nclusterCIDR: 10.9.0.0/16'), overrides);
    expect(Object.values(found).filter((s) => s.how !== 'given')).toEqual([found.encapsulation]);
    expect(found.podCIDRs.value).toEqual(['10.66.0.0/16']);
    expect(found.proxy.value).toMatchObject({ masqueradeAll: true, clusterCIDRs: ['10.9.0.0/16'] });
  });

  test('a range that is none is an error', async () => {
    expect((await clusterOf(node('a'), { podCIDRs: ['10.0.0.0/33'] })).problems).toContainEqual(
      expect.objectContaining({ code: 'bad-cidr' }),
    );
  });
});

describe('network plugin', () => {
  const flannel = (backend: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-flannel-cfg, namespace: kube-flannel}
data: {net-conf.json: '{"Network": "10.80.0.0/16", "Backend": {"Type": "${backend}"}}'}`;

  test.each([
    ['vxlan', 'VXLAN'],
    ['host-gw', 'none'],
    ['wireguard', 'WireGuard'],
  ])('flannel with %s carries packets by %s', async (backend, expected) => {
    const cluster = await clusterOf(flannel(backend));
    expect(cluster.settings.cni).toMatchObject({ value: 'flannel', how: 'detected' });
    expect(cluster.settings.encapsulation).toMatchObject({ value: expected, how: 'detected' });
    expect(cluster.settings.wiring.value).toBe('bridge');
    expect(cluster.settings.podCIDRs.value).toEqual(['10.80.0.0/16']);
    expect(cluster.assumptions.some((a) => a.code === 'overlay-as-routed')).toBe(expected !== 'none');
  });

  test("Calico's pool and mode", async () => {
    const pool =
      'apiVersion: crd.projectcalico.org/v1\nkind: IPPool\nmetadata: {name: p}\nspec: {cidr: 10.81.0.0/16, ipipMode: CrossSubnet, vxlanMode: Never}';
    const agent = staticPod('calico-node');
    const found = await settings(documents(pool, agent));
    expect(found.cni.value).toBe('calico');
    expect(found.encapsulation?.value).toBe('IP-in-IP between subnets');
    expect(found.podCIDRs.value).toEqual(['10.81.0.0/16']);
    expect(found.wiring.value).toBe('point-to-point');
  });

  test('k3s tells by its version and its arguments', async () => {
    const k3s = `
apiVersion: v1
kind: Node
metadata: {name: a, annotations: {k3s.io/node-args: '["server","--flannel-backend","host-gw","--cluster-cidr","10.42.0.0/16","--disable-kube-proxy"]'}}
status: {nodeInfo: {kubeletVersion: v1.30.0+k3s1}}`;
    const found = await settings(k3s);
    expect(found.cni.value).toBe('flannel');
    expect(found.encapsulation?.value).toBe('none');
    expect(found.podCIDRs.value).toEqual(['10.42.0.0/16']);
    expect(found.proxyMode.value).toBe('none');
  });

  test('kind tells by the provider of its nodes', async () => {
    expect((await settings(node('a', '{providerID: "kind://docker/kind/a"}'))).cni).toMatchObject({
      value: 'kindnet',
      how: 'detected',
    });
  });
});
