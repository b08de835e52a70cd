process.stderr.write('bench: no subjects\n');
process.exitCode = 2;
