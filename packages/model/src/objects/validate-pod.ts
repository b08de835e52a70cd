import { parseAddress } from '@podwire/engine';
import type { Findings, Path } from './findings.ts';
import type { Container, PodSpec, Workload } from './kube.ts';

const protocols = ['TCP', 'UDP', 'SCTP'];

function checkContainers(spec: PodSpec, path: Path, findings: Findings): void {
  const names = new Set<string>();
  const hostPorts = new Set<string>();
  const all: [field: string, containers: Container[]][] = [
    ['initContainers', spec.initContainers ?? []],
    ['containers', spec.containers ?? []],
  ];
  for (const [field, containers] of all) {
    containers.forEach((container, index) => {
      const at = [...path, field, index];
      findings.label([...at, 'name'], container.name);
      if (container.name !== undefined && names.has(container.name)) {
        findings.contradiction([...at, 'name'], `two containers are called ${container.name}`, 'Rename one.');
      }
      names.add(container.name);
      checkContainerPorts(container, at, hostPorts, findings);
    });
  }
}

function checkContainerPorts({ ports = [] }: Container, path: Path, hostPorts: Set<string>, findings: Findings): void {
  const names = new Set<string>();
  ports.forEach((port, index) => {
    const at = [...path, 'ports', index];
    findings.port([...at, 'containerPort'], port.containerPort);
    findings.word([...at, 'protocol'], port.protocol, protocols);
    if (port.name) {
      findings.portName([...at, 'name'], port.name);
      if (names.has(port.name))
        findings.contradiction([...at, 'name'], `two ports are called ${port.name}`, 'Rename one.');
      names.add(port.name);
    }
    // The server takes any text here; nothing that opens host ports does.
    if (port.hostIP && parseAddress(port.hostIP) === undefined) {
      findings.warn(
        [...at, 'hostIP'],
        'bad-address',
        `${JSON.stringify(port.hostIP)} is no IP address`,
        'Write an address of the node.',
      );
    }
    if (!port.hostPort) return;
    findings.port([...at, 'hostPort'], port.hostPort);
    const key = `${port.protocol ?? 'TCP'}/${port.hostIP ?? ''}/${port.hostPort}`;
    if (hostPorts.has(key))
      findings.contradiction([...at, 'hostPort'], `host port ${port.hostPort} is taken twice`, 'Change one.');
    hostPorts.add(key);
  });
}

const dnsPolicies = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];

/** validation.go:ValidatePodSpec(), as far as it decides about packets and names. */
export function validatePodSpec(spec: PodSpec, path: Path, findings: Findings): void {
  checkContainers(spec, path, findings);
  findings.word([...path, 'restartPolicy'], spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  findings.word([...path, 'dnsPolicy'], spec.dnsPolicy, dnsPolicies);
  findings.label([...path, 'hostname'], spec.hostname);
  findings.label([...path, 'subdomain'], spec.subdomain);
  if (spec.dnsPolicy === 'None' && (spec.dnsConfig?.nameservers ?? []).length === 0) {
    findings.add(
      [...path, 'dnsConfig'],
      'missing-field',
      'dnsPolicy None needs nameservers',
      'Add dnsConfig.nameservers.',
    );
  }
  spec.dnsConfig?.nameservers?.forEach((server, index) => {
    findings.address([...path, 'dnsConfig', 'nameservers', index], server);
  });
}

/** pkg/apis/apps/validation, as far as it needs the workload alone; whether the selector fits the template is found where pods are made. */
export function validateWorkload(workload: Workload, findings: Findings): void {
  const { selector, template, replicas } = workload.spec;
  if (replicas !== undefined && replicas < 0) {
    findings.add(['spec', 'replicas'], 'bad-number', `${replicas} is no number of replicas`, 'Write 0 or more.');
  }
  const job = workload.spec.jobTemplate?.spec?.template;
  if (job?.spec !== undefined) validatePodSpec(job.spec, ['spec', 'jobTemplate', 'spec', 'template', 'spec'], findings);
  if (template?.spec !== undefined) validatePodSpec(template.spec, ['spec', 'template', 'spec'], findings);
  const path = ['spec', 'template', 'spec', 'restartPolicy'];
  const restarts = template?.spec?.restartPolicy;
  if (workload.kind !== 'Job' && (restarts === 'OnFailure' || restarts === 'Never')) {
    findings.contradiction(
      path,
      `the pods of a ${workload.kind} are always restarted`,
      'Remove restartPolicy, or make it a Job.',
    );
  }
  if (selector === undefined && workload.apiVersion === 'apps/v1') {
    findings.add(
      ['spec', 'selector'],
      'missing-field',
      `a ${workload.kind} needs a selector`,
      'Add one that matches the labels of its template.',
    );
  }
}
