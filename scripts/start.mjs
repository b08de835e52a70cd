// `npm start`: set up, build, and run the command line tool. Without arguments it traces an example.
import { callerFolder, root } from './lib/root.mjs';
import { runProgram } from './run.mjs';
import { setup } from './setup.mjs';

const EXAMPLE = ['trace', 'deploy/web', 'svc/api:http', '-n', 'shop', '-f', 'examples/shop'];

const CLOSING = `
That was: podwire ${EXAMPLE.join(' ')}

Ask your own question (FROM and TO are pods, workloads, Services, nodes, addresses, DNS names or "external"):
  npm start -- trace FROM TO --port 80 -f FOLDER      manifests, or a snapshot made with
                                                      kubectl get -A -o json pods,services,endpointslices,nodes,... > snap.json
  npm start -- cluster -f FOLDER                      what was read, assumed, ignored, not modelled
  npm start -- rules NODE -f FOLDER                   what that node's Linux would hold
  npm start -- --help                                 everything else
`;

const args = process.argv.slice(2);
await setup();
if (args.length > 0) {
  process.exitCode = await runProgram('podwire', args, callerFolder);
} else {
  const code = await runProgram('podwire', EXAMPLE, root);
  if (code === 0) process.stdout.write(CLOSING);
  process.exitCode = code;
}
