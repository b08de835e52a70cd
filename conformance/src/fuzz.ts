// The engine against the reference interpreter: `pnpm fuzz [--packets N] [--rulesets N] [--seed S] [--from RULESET] [--all] [--nft]`.
// Prints the seed; of each disagreement the first difference and a self-contained case. Exits 1 where they disagree.
import { createEngine } from '@podwire/engine';
import { createReference, type Finding, fuzz } from '@podwire/engine/reference';

const defaults: Record<string, number> = { packets: 100_000, rulesets: 500, seed: Date.now() % 1_000_000_000, from: 0 };

function usage(problem: string): never {
  process.stderr.write(
    `fuzz: ${problem}\nusage: fuzz [--packets N] [--rulesets N] [--seed S] [--from RULESET] [--all] [--nft]\n`,
  );
  process.exit(2);
}

function options(words: readonly string[]): { numbers: Record<string, number>; all: boolean; nft: boolean } {
  const numbers = { ...defaults };
  let all = false;
  let nft = false;
  for (let i = 0; i < words.length; i++) {
    const name = words[i]?.replace(/^--/, '') ?? '';
    if (name === 'all') {
      all = true;
      continue;
    }
    if (name === 'nft') {
      nft = true;
      continue;
    }
    const value = Number(words[++i]);
    if (!(name in defaults)) usage(`no option ${words[i - 1]}`);
    if (!Number.isInteger(value) || value < 0) usage(`--${name} wants a number`);
    numbers[name] = value;
  }
  return { numbers, all, nft };
}

function print({ ruleset, mismatch, small }: Finding): void {
  process.stdout.write(
    `ruleset ${ruleset}, event ${mismatch.event}: engine and reference differ at ${mismatch.what}\n`,
  );
  process.stdout.write(`${JSON.stringify(small)}\n`);
}

const { numbers, all, nft } = options(process.argv.slice(2));
const { seed = 0, rulesets = 1, packets = 1, from = 0 } = numbers;
const started = performance.now();
let shown = 0;
const result = fuzz(await createEngine(), createReference(), {
  seed,
  rulesets,
  packets,
  from,
  most: all ? rulesets : 10,
  nft,
  progress: (done, walks) => {
    if (!process.stderr.isTTY || performance.now() - shown < 500) return;
    shown = performance.now();
    process.stderr.write(`\r${done} rulesets, ${walks} packets`);
  },
});
if (shown > 0) process.stderr.write('\n');
for (const finding of result.findings) print(finding);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
const { walks, steps, findings } = result;
process.stdout.write(`seed ${seed}: ${result.rulesets} rulesets, ${walks} packets, ${steps} steps, ${seconds} s\n`);
process.stdout.write(`${result.rulesets - findings.length} passed, ${findings.length} failed\n`);
process.exitCode = findings.length > 0 ? 1 : 0;
