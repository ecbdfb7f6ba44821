'use client';
// The pages of the signed-in user; without one, the form to sign in.
import Link from 'next/link';
import { type ReactNode, useEffect, useState } from 'react';
import { browserClients } from '../lib/stepbase.ts';

export function Session({ children }: { children: ReactNode }) {
  const [state, setState] = useState<'unknown' | 'out' | 'in'>('unknown');
  const [problem, setProblem] = useState('');

  useEffect(() => {
    const { auth } = browserClients().supabase;
    const { data } = auth.onAuthStateChange((_event, session) => setState(session ? 'in' : 'out'));
    return () => data.subscription.unsubscribe();
  }, []);

  async function signIn(form: FormData) {
    const { error } = await browserClients().supabase.auth.signInWithPassword({
      email: String(form.get('email')),
      password: String(form.get('password')),
    });
    setProblem(error?.message ?? '');
  }

  if (state === 'unknown') return null;
  if (state === 'in') {
    return (
      <>
        <nav>
          <Link href="/">New order</Link>
          <Link href="/inbox">Inbox</Link>
          <button type="button" onClick={() => void browserClients().supabase.auth.signOut()}>
            Sign out
          </button>
        </nav>
        {children}
      </>
    );
  }
  return (
    <main>
      <h1>Sign in</h1>
      <form action={signIn}>
        <label>
          E-mail
          <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button type="submit">Sign in</button>
      </form>
      {problem && <p role="alert">{problem}</p>}
    </main>
  );
}
