#!/usr/bin/env node
// kubectl runs this file for `kubectl podwire`, and its users expect that name in the help.
import { run } from './run.js';

await run('kubectl podwire');
