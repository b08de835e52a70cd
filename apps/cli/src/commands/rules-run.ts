import { type NetnsSectionName, netnsText, type Session, suggest } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { EXIT, UserError } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import type { RulesFlags } from './rules.ts';

interface RulesRun {
  node: string | undefined;
  flags: RulesFlags;
  name: string;
  streams: Streams;
}

function podNetns(session: Session, text: string, namespace: string | undefined): string {
  const wanted = text.replace(/^(pod|po)\//, '');
  const key = wanted.includes('/') ? wanted : `${namespace ?? 'default'}/${wanted}`;
  const netns = session.dataplane.netnsOfPod.get(key);
  if (netns !== undefined) return netns;
  const candidates = suggest(key, session.dataplane.netnsOfPod.keys(), (k) => k);
  throw new UserError(`no running pod is called ${key}`, { mend: 'Name one as NAMESPACE/NAME.', candidates });
}

function nodeNetns(session: Session, text: string): string {
  const name = text.replace(/^(node|no)\//, '');
  const { nodes } = session.dataplane;
  const state = nodes.get(name);
  if (state) return state.host.name;
  const near = suggest(name, nodes.keys(), (k) => k);
  throw new UserError(`no node is called ${name}`, {
    mend: 'Name one of these.',
    candidates: near.length > 0 ? near : [...nodes.keys()].slice(0, 10),
  });
}

export async function runRules({ node, flags, name, streams }: RulesRun): Promise<number> {
  if (flags.check && node === undefined && flags.pod === undefined && flags.node === undefined) {
    const { checkFiles } = await import('./rules-check.ts');
    return await checkFiles(flags, streams);
  }
  const { session } = await openInput(flags, streams, name, false);
  if (node === undefined && flags.pod === undefined) {
    streams.out.write([...session.dataplane.nodes.keys()].map((n) => `${n}\n`).join(''));
    return EXIT.YES;
  }
  if (node !== undefined && flags.pod !== undefined) {
    throw new UserError('a node and a pod were named', { mend: 'Name one: a pod stands on one node anyway.' });
  }
  const wanted =
    flags.pod === undefined ? nodeNetns(session, node as string) : podNetns(session, flags.pod, flags.namespace);
  const { netnses } = session.dataplane.network;
  const netns = netnses.find((n) => n.name === wanted);
  if (!netns) throw new Error(`no network namespace ${wanted}`);
  if (flags.check) {
    const { checkNetns } = await import('./rules-check.ts');
    return checkNetns(netns, flags, streams);
  }
  const sections = netnsText(netns, netnses, flags.only as NetnsSectionName[] | undefined);
  // One section alone is printed bare, so that it can be piped into its own tool.
  const bare = sections.length === 1;
  streams.out.write(sections.map(({ command, text }) => (bare ? text : `# ${command}\n${text}`)).join('\n'));
  return EXIT.YES;
}
