/** Run the command line tool under the name it was called by; resolves to the exit code. */
export async function main(name: string, args: readonly string[]): Promise<number> {
  const usage = `usage: ${name} COMMAND [options]\n`;
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  process.stderr.write(usage);
  return 2;
}
