import * as module from 'node:module';

/** Start the tool under a name. Node >= 22 keeps compiled code between runs, which shortens the start. */
export async function run(name) {
  module.enableCompileCache?.();
  const { main } = await import('../dist/main.js');
  process.exitCode = await main(name, process.argv.slice(2));
}
