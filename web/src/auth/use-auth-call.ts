// A call of Supabase Auth from a form: its error in words, and whether it runs.
import type { AuthError } from '@supabase/auth-js';
import { useState } from 'react';
import { authText } from './texts.ts';

interface AuthAnswer {
  error: AuthError | null;
}

export interface AuthCall {
  problem: string | undefined;
  /** The code of the error. */
  code: string | undefined;
  isBusy: boolean;
  /** Undefined if it failed. */
  run<T extends AuthAnswer>(call: () => Promise<T>): Promise<T | undefined>;
}

export function useAuthCall(first?: string): AuthCall {
  const [problem, setProblem] = useState(first);
  const [code, setCode] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  return {
    problem,
    code,
    isBusy,
    async run(call) {
      setBusy(true);
      setProblem(undefined);
      setCode(undefined);
      const answer = await call();
      setBusy(false);
      if (!answer.error) return answer;
      setProblem(authText(answer.error));
      setCode(answer.error.code);
      return undefined;
    },
  };
}
