/** `pnpm oracle`: the real kernel as judge of the machine. See `oracle/README.md`. */
import { readOracleArguments, USAGE } from './oracle/arguments.ts';
import { runOracle } from './oracle/run.ts';
import { runCompareOracle } from './oracle-compare/run.ts';
import { runLinuxOracle } from './oracle-linux/run.ts';

async function main(): Promise<number> {
  let args: ReturnType<typeof readOracleArguments>;
  try {
    args = readOracleArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`oracle: ${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  if (args.kind === 'linux') return runLinuxOracle(args);
  return args.kind === 'compare' ? runCompareOracle(args) : runOracle(args);
}

process.exitCode = await main();
