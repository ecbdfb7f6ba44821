// Asks the web worker of expressions, one question at a time. A question without an answer in time ends the worker, and
// the next one starts another.
import type { Question, Reply } from './messages.ts';

const LIMIT_MS = 3_000;

let worker: Worker | undefined;
let count = 0;
let last: Promise<unknown> = Promise.resolve();

function askWorker(question: Question): Promise<Reply> {
  worker ??= new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  const asked = worker;
  count += 1;
  const id = count;
  return new Promise((resolve) => {
    const end = (reply: Reply) => {
      clearTimeout(timer);
      asked.removeEventListener('message', onMessage);
      asked.removeEventListener('error', onError);
      resolve(reply);
    };
    const onMessage = ({ data }: MessageEvent<{ id: number; reply: Reply }>) => {
      if (data.id === id) end(data.reply);
    };
    const giveUp = (message: string) => {
      asked.terminate();
      if (worker === asked) worker = undefined;
      end({ ok: false, message, code: 'expression_timeout' });
    };
    const onError = () => giveUp('The expression cannot be evaluated here.');
    // The first question also waits for the code of the worker.
    const timer = setTimeout(
      () => giveUp('The expression takes too long.'),
      id === 1 ? 10 * LIMIT_MS : LIMIT_MS,
    );
    asked.addEventListener('message', onMessage);
    asked.addEventListener('error', onError);
    asked.postMessage({ id, question });
  });
}

export function evaluateInWorker(question: Question): Promise<Reply> {
  const answer = last.then(() => askWorker(question));
  last = answer;
  return answer;
}
