// The value that an expression has with the data of the chosen run, a moment after the last change.
import { useEffect, useState } from 'react';
import { evaluateInWorker } from '../evaluate/evaluate.ts';
import type { Question, Reply } from '../evaluate/messages.ts';

const AFTER_MS = 250;

/** undefined: nothing to evaluate, or not yet. */
export function useLiveValue(question: Question | undefined): Reply | undefined {
  const [reply, setReply] = useState<Reply>();
  const key = question === undefined ? undefined : JSON.stringify(question);
  useEffect(() => {
    if (key === undefined) {
      setReply(undefined);
      return;
    }
    let isCurrent = true;
    const timer = setTimeout(() => {
      void evaluateInWorker(JSON.parse(key) as Question).then((answer) => {
        if (isCurrent) setReply(answer);
      });
    }, AFTER_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [key]);
  return reply;
}
