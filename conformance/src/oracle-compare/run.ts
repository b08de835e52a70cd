/** The run: `podwire compare` on manifest sets and random clusters, and what the kernel says to it. */
import { createMachine } from '../lab/machine.ts';
import { Random } from '../lab/random.ts';
import { inLabs, withoutKernel } from '../lab/run.ts';
import type { OracleArguments } from '../oracle/arguments.ts';
import { type Input, manifestSets, randomInput } from './inputs.ts';
import { type Disagreement, judgeInput, type Mode } from './judge.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
const MOST_SHOWN = 6;

function disagreementText({ mode, flow, why }: Disagreement): string {
  const { from, to, sides, differs } = flow;
  const target = `${to.name} at ${to.address} ${to.port ?? 0}/${to.protocol}`;
  const said = differs.length === 0 ? 'alike' : `different in ${differs.join(', ')}`;
  return `  ${mode}: ${from.name}${from.address === undefined ? '' : ` (${from.address})`} to ${target}: ${why}\n    said to be ${said}: ${JSON.stringify(sides)}`;
}

export async function runCompareOracle(args: OracleArguments): Promise<number> {
  const inputs: Input[] = [
    ...(args.sets ?? []).flatMap(manifestSets),
    ...Array.from({ length: args.clusters }, (_, i) => randomInput(args.seed, i + 1, args.services)),
  ];
  const skipped = withoutKernel(`${inputs.length} inputs`);
  if (skipped !== undefined) return skipped;
  const [left = 'iptables', right = 'nftables'] = args.modes.length === 2 ? args.modes : [];
  const modes: [Mode, Mode] = [left, right];
  say(`${inputs.length} inputs, seed ${args.seed}, ${left} and ${right}, at most ${args.probes} flows of each`);
  let failed = 0;
  const numbers = args.only === undefined ? [...inputs.keys()] : [args.only - 1];
  await inLabs(Math.min(args.jobs, 2), numbers, async (lab) => {
    const machine = await createMachine(args.machine);
    return async (at) => {
      const input = inputs[at] as Input;
      const random = new Random(`${args.seed}/${input.name}`);
      const { asked, tried, answer, attempts, covered, disagreements } = await judgeInput(
        { machine, lab },
        input,
        modes,
        random,
        args.probes,
      );
      const { nodes, pods, services } = answer.cluster;
      const differing = tried.filter(({ differs }) => differs.length > 0).length;
      say(
        `${input.name}: ${nodes} nodes, ${pods} pods, ${services} Services; ${asked.length} flows, ${answer.differences.length} differ; tried ${tried.length}, ${differing} that differ, ${attempts} attempts, all endpoints of ${covered}: ${disagreements.length === 0 ? 'agrees' : `${disagreements.length} disagree`}`,
      );
      for (const disagreement of disagreements.slice(0, MOST_SHOWN)) say(disagreementText(disagreement));
      if (disagreements.length > 0) failed++;
    };
  });
  say(`${numbers.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
