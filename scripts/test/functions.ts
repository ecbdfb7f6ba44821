// `npm run test:functions`: the Deno unit tests beside the functions: all of them, or the given files.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../stack/options.ts';
import { denoPart } from './parts.ts';

const files = process.argv.slice(2);
const { command, args } = denoPart(files.length > 0 ? files : undefined);
const child = spawn(join(ROOT, 'node_modules', '.bin', command), args, {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' },
});
child.on('exit', (code) => process.exit(code ?? 1));
