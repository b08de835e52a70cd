process.stderr.write('oracle: no cluster to build\n');
process.exitCode = 2;
