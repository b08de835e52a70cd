/** The run: `podwire compare` on manifest sets and random clusters, and what the kernel says to it. */
import { LabError } from '../lab/lab.ts';
import { createMachine } from '../lab/machine.ts';
import { Random } from '../lab/random.ts';
import { inLabs, withoutKernel } from '../lab/run.ts';
import type { OracleArguments } from '../oracle/arguments.ts';
import { byFolder, type Input, manifestSets, randomInput } from './inputs.ts';
import { type Compared, type Disagreement, judgeInput, type Mode } from './judge.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
const MOST_SHOWN = 12;

function disagreementText({ mode, flow, why }: Disagreement): string {
  const { from, to, sides, differs } = flow;
  const target = `${to.name} at ${to.address} ${to.port ?? 0}/${to.protocol}`;
  const said = differs.length === 0 ? 'alike' : `different in ${differs.join(', ')}`;
  return `  ${mode}: ${from.name}${from.address === undefined ? '' : ` (${from.address})`} to ${target}: ${why}\n    said to be ${said}: ${JSON.stringify(sides)}`;
}

function comparedText(
  name: string,
  { asked, tried, unfair, answer, attempts, covered, disagreements, otherwise }: Compared,
): string {
  const { nodes, pods, services } = answer.cluster;
  const differing = tried.filter(({ differs }) => differs.length > 0).length;
  const parts = [
    `${nodes} nodes, ${pods} pods, ${services} Services`,
    `${asked.length} flows, ${answer.differences.length} differ${unfair === 0 ? '' : `, ${unfair} not to be judged`}`,
    `tried ${tried.length}, ${differing} that differ, ${attempts} attempts, all endpoints of ${covered}`,
  ];
  const listed = otherwise.length === 0 ? 'rules listed as written' : `${otherwise.length} tables listed otherwise`;
  const outcome = disagreements.length === 0 ? 'agrees' : `${disagreements.length} disagree`;
  return [
    `${name}: ${parts.join('; ')}; ${listed}: ${outcome}`,
    ...otherwise.slice(0, MOST_SHOWN),
    ...disagreements.slice(0, MOST_SHOWN).map(disagreementText),
  ].join('\n');
}

export async function runCompareOracle(args: OracleArguments): Promise<number> {
  const inputs: Input[] = [
    ...(args.sets ?? []).flatMap(manifestSets),
    ...args.numbers.map((number) => randomInput(args.seed, number, args.services)),
  ];
  const noKernel = withoutKernel(`${inputs.length} inputs`);
  if (noKernel !== undefined) return noKernel;
  const [left = 'iptables', right = 'nftables'] = args.modes.length === 2 ? args.modes : [];
  const modes: [Mode, Mode] = [left, right];
  say(`${inputs.length} inputs, seed ${args.seed}, ${left} and ${right}, at most ${args.probes} flows of each`);
  let failed = 0;
  let judged = 0;
  const skipped = 0;
  await inLabs(Math.min(args.jobs, 2), [...inputs.keys()], async (lab) => {
    const machine = await createMachine(args.machine);
    const judge = async (input: Input): Promise<void> => {
      const random = new Random(`${args.seed}/${input.name}`);
      try {
        const compared = await judgeInput({ machine, lab }, input, modes, random, args.probes);
        judged++;
        if (compared.disagreements.length + compared.otherwise.length > 0) failed++;
        say(comparedText(input.name, compared));
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        const parts = byFolder(input);
        if (parts.length < 2) throw error;
        say(
          `${input.name}: not one cluster that a kernel can hold (${error.message.trim().split('\n')[0]}); by folder:`,
        );
        for (const part of parts) await judge(part);
      }
    };
    return (at) => judge(inputs[at] as Input);
  });
  say(`${judged - failed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
  return failed === 0 ? 0 : 1;
}
