// The thread that runs inline_code, so that it does not block the worker's event loop.

import { loadQuickJS } from '../../_shared/expressions/quickjs.ts';
import { type CodeJob, type CodeOutcome, runCode } from './code-sandbox.ts';

interface Thread {
  onmessage: ((event: MessageEvent<CodeJob>) => void) | null;
  postMessage(message: CodeOutcome | 'ready'): void;
}

const thread = globalThis as unknown as Thread;
await loadQuickJS();

thread.onmessage = async (event) => {
  thread.postMessage(runCode(await loadQuickJS(), event.data));
};
thread.postMessage('ready');
