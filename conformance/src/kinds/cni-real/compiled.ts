/** The state that our own plugins and daemons make, after each step of a case, beside what was recorded. */
import type { Link, Netns } from '@podwire/engine';
import { cni } from '@podwire/model';
import { fail, type Outcome, pass, type SuiteCase, skip } from '../../runner/contract.ts';
import type { Suite } from '../../runner/suite.ts';
import { Comparison } from './compare.ts';
import { before, ECHO, outside, type Rebuilt, stateAfter } from './lab.ts';
import { type CallStep, NotPlayed, type PlayedLab, Player, type StartStep } from './player.ts';

/** The nodes are taken as they were first recorded: what was done before stands in that. */
const firstRecorded = ({ steps }: PlayedLab) =>
  Math.max(
    steps.findIndex(({ state }) => state !== undefined),
    0,
  );

function judge(lab: PlayedLab): Outcome {
  const player = new Player(lab);
  const comparison = new Comparison(lab, player);
  // The nodes are taken as they were first recorded: what was done before stands in that.
  const first = Math.max(
    lab.steps.findIndex(({ state }) => state !== undefined),
    0,
  );
  for (const [index, step] of lab.steps.entries()) {
    if (index < first) continue;
    const ended = player.started(step);
    const outcome = ended === undefined ? player.play(step) : undefined;
    comparison.learn(index);
    const where = `step ${index} (${step.op}${'pod' in step ? ` ${String(step.pod)}` : ''})`;
    const { rc = 0 } = step as StartStep;
    if (ended !== undefined && ended !== rc) return fail(`${where}: expected exit code ${rc}, found ${ended}`);
    const different = outcome && comparison.call(step as CallStep, outcome);
    if (different !== undefined) return fail(`${where}: ${different}`);
    for (const netns of Object.keys(step.state ?? {})) {
      const recorded = stateAfter(lab.steps, step, netns);
      const wrong = recorded && comparison.state(netns, recorded);
      if (wrong !== undefined) return fail(`${where}: ${wrong}`);
    }
  }
  return pass;
}

/** What is not played is said, and counted. */
export async function orNotPlayed(run: () => Outcome | Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof NotPlayed || error instanceof cni.Unmodelled) return skip(error.message);
    throw error;
  }
}

export function compiledCase(suite: Suite, id: string, path: string): SuiteCase {
  return { id, variant: 'compiled', run: () => orNotPlayed(() => judge(suite.json<PlayedLab>(path))) };
}

/** The lab as our own plugins and daemons left it when it was asked. */
export function playedNetwork(lab: PlayedLab): Pick<Rebuilt, 'network' | 'names'> {
  const player = new Player(lab);
  const until = before(lab);
  for (const step of until.slice(firstRecorded(lab))) player.started(step) ?? player.play(step);
  const netnses = [...player.hosts.values()].flatMap(({ name, own, pods }) => [
    onSwitch({ ...own.finished(), name }),
    ...[...pods.values()].map((pod) => pod.finished()),
  ]);
  const names = new Map([...netnses.map(({ name }): [string, string] => [name, name]), ['out', 'out']]);
  const all = [...netnses, outside(lab, netnses)];
  return { network: { netnses: all.map((one) => ({ ...one, listeners: ECHO })) }, names };
}

/** The node's wire is a port of the lab's switch. */
function onSwitch(node: Netns): Netns {
  const links = node.links.map(
    (link): Link => (link.name === 'eth0' ? { ...link, kind: 'device', segment: 'switch' } : link),
  );
  return { ...node, links };
}
