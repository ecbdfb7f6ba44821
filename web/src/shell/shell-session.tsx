// The session for the parts of the shell; pages use useApp().
import type { Session } from '@supabase/supabase-js';
import { createContext, useContext } from 'react';

export const ShellSession = createContext<Session | undefined>(undefined);

export function useShellSession(): Session {
  const session = useContext(ShellSession);
  if (session === undefined) throw new Error('useShellSession is for the shell');
  return session;
}
