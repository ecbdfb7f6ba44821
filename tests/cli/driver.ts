// Runs command lines in one process of Node, because the start of a process costs more than most commands.
import { run } from '../../cli/src/program.ts';

export interface Request {
  id: number;
  argv: string[];
  input: string;
  env: Record<string, string>;
}

export interface Response {
  id: number;
  exit: number;
  stdout: string;
  stderr: string;
}

process.on('message', async ({ id, argv, input, env }: Request) => {
  const answer: Response = { id, exit: -1, stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      answer[name] += text;
    },
  });
  const stdin = (async function* () {
    yield input;
  })();
  answer.exit = await run(argv, {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    stdin,
    env,
  });
  process.send?.(answer);
});
