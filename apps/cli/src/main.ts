/** Run the command line tool under the name it was called by; resolves to the exit code. */
export async function main(name: string, args: readonly string[]): Promise<number> {
  process.stderr.write(`${name}: no command ${args[0] ?? '(none given)'}\n`);
  return 2;
}
