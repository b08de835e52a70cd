/** From the flags every command has to an open session, with the problems of the input told on standard error. */
import {
  type ClusterOverrides,
  type IPFamily,
  isDumpPath,
  isSourceName,
  openSession,
  type PodWiring,
  type Problem,
  type ProxyMode,
  type Session,
  type SessionStep,
} from '@podwire/model';
import { problemLines } from '../print/problems.ts';
import { type Progress, progressOn } from '../print/progress.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { UserError } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import { collect } from './collect.ts';
import { createMachine } from './machine.ts';
import type { InputFlags } from './options.ts';

/** Input of which the answer takes a second or more. */
const LARGE_BYTES = 16 * 1024 * 1024;

const STEPS: Readonly<Record<SessionStep, string>> = {
  read: 'reading',
  cluster: 'putting the cluster together',
  dataplane: 'compiling routes and rules',
  machine: 'loading the machine',
  trace: 'sending packets',
};

export interface Opened {
  session: Session;
  /** Problems of collecting the files; the session has those of reading and understanding. */
  collectProblems: Problem[];
  /** Files in folders whose names are no manifests'. */
  skipped: string[];
  /** Parts of the input could not be read, so that no answer is sure. */
  unreadable: boolean;
  /** Shown by what the session does later; whoever asks it clears it. */
  progress: Progress;
  /** The same input with other settings, without a machine. Problems are not told again. */
  again(flags: InputFlags): Promise<Session>;
}

function overridesOf(flags: InputFlags): ClusterOverrides {
  return {
    ...(flags.namespace !== undefined && { namespace: flags.namespace }),
    ...(flags.nodes !== undefined && { nodes: flags.nodes }),
    ...(flags.ipFamilies && { ipFamilies: flags.ipFamilies as IPFamily[] }),
    ...(flags.proxyMode !== undefined && { proxyMode: flags.proxyMode as ProxyMode }),
    ...(flags.masqueradeAll && { proxy: { masqueradeAll: true } }),
    ...(flags.podCidr && { podCIDRs: flags.podCidr }),
    ...(flags.serviceCidr && { serviceCIDRs: flags.serviceCidr }),
    ...(flags.nodePortRange && { nodePortRange: flags.nodePortRange }),
    ...(flags.clusterDomain !== undefined && { clusterDomain: flags.clusterDomain }),
    ...(flags.clusterDns && { clusterDNS: flags.clusterDns }),
    ...(flags.cni !== undefined && { cni: flags.cni }),
    ...(flags.wiring !== undefined && { wiring: flags.wiring as PodWiring }),
  };
}

function checkProblems(problems: readonly Problem[], flags: InputFlags, streams: Streams, name: string): void {
  const errors = problems.filter((p) => p.severity === 'error').length;
  if (!flags.quiet || (flags.strict && errors > 0)) {
    const style = styleOf(wantsColor(streams.color, streams.env, streams.err.isTTY ?? false));
    const lines = problemLines(problems, name, style);
    if (lines.length > 0) streams.err.write(`${lines.join('\n')}\n`);
  }
  if (flags.strict && errors > 0) {
    throw new UserError(`the input has ${errors} ${errors === 1 ? 'error' : 'errors'}`, {
      mend: 'Mend them, or leave --strict out to answer from the rest.',
    });
  }
}

/** What does not fit between dumps and objects shows when the two are put together. */
function fitting(session: Session): Problem[] {
  const { nodes, pods } = session.dumps;
  if (nodes.length + pods.length > 0 && session.read.objects.length > 0) void session.dataplane;
  return session.dumpProblems;
}

/** Of a dump of parts nobody expects the rest. */
const GAPS = new Set(['no-links', 'no-routes', 'no-sysctl', 'route-link', 'address-link']);

function problemsOfDumps({ dumps: { nodes, pods }, partialNodes }: Session): Problem[] {
  const ofNodes = nodes.flatMap((dump) =>
    dump.problems.filter(({ code }) => !GAPS.has(code) || !partialNodes.has(dump.name)),
  );
  return [...ofNodes, ...pods.flatMap(({ dump }) => dump.problems.filter(({ code }) => !GAPS.has(code)))];
}

/** `machine`: whether packets will be sent; `environment`: whether values of environment variables will be shown. */
export async function openInput(
  flags: InputFlags,
  streams: Streams,
  name: string,
  machine: boolean,
  environment = false,
): Promise<Opened> {
  const given = { node: flags.node ?? [], pod: flags.inPod ?? [] };
  if ((!flags.file || flags.file.length === 0) && given.node.length === 0) {
    throw new UserError('there is no input', {
      mend: 'Give manifests or a snapshot with -f: a file, a folder, a tar(.gz), or - for standard input; or dumps of hosts with --node.',
    });
  }
  // The machine is compiled on another thread while this one reads.
  const made = machine ? createMachine() : undefined;
  // Told where it is awaited, unless reading throws before.
  made?.catch(() => {});
  const collected = await collect(
    flags.file ?? [],
    () => streams.input,
    (path) => isSourceName(path) || isDumpPath(path),
  );
  const hasDumps =
    given.node.length + given.pod.length > 0 || collected.files.some(({ name: path }) => isDumpPath(path));
  const { collectDumps } = hasDumps ? await import('./dumps.ts') : {};
  const dumped = await collectDumps?.(collected.files, given, () => streams.input);
  const files = dumped?.files ?? collected.files;
  const bytes = collected.files.reduce((sum, file) => sum + file.bytes.byteLength, 0);
  const progress = progressOn(streams.err, machine && !flags.quiet && bytes >= LARGE_BYTES);
  const input = { files, ...(dumped && { dumps: dumped.nodes, podDumps: dumped.pods }), environment };
  const session = await openSession({
    ...input,
    overrides: overridesOf(flags),
    onStep: (step) => progress.show(STEPS[step]),
    ...(made && { machine: made }),
  }).finally(() => progress.clear());
  const inputProblems = [...collected.problems, ...session.read.problems, ...(dumped?.problems ?? [])];
  const ofFitting = fitting(session);
  // A line of a dump that is not understood is counted in the answer; the rest of the dump is as good as it was.
  const problems = [...inputProblems, ...session.cluster.problems, ...problemsOfDumps(session), ...ofFitting];
  progress.clear();
  checkProblems(problems, flags, streams, name);
  if (session.read.objects.length === 0 && session.dumps.nodes.length === 0) {
    const ignored = session.read.ignored[0];
    const why = ignored ? ` (${ignored.file}: ${ignored.why})` : '';
    throw new UserError(`the input holds no Kubernetes object${why}`, {
      mend: 'Give YAML or JSON manifests, or the output of kubectl get -o json.',
    });
  }
  const unreadable = inputProblems.some((p) => p.severity === 'error');
  return {
    session,
    collectProblems: collected.problems,
    skipped: collected.skipped,
    unreadable,
    progress,
    again: (others) => openSession({ ...input, overrides: overridesOf(others) }),
  };
}
