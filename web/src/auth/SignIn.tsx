// The sign-in page: e-mail and password through Supabase Auth, for an account that exists or a new one.
import { type FormEvent, useState } from 'react';
import { supabase } from './client.ts';

interface Props {
  hint?: string;
}

/** Why the link of a mail did not sign in, as Auth adds it to the page's address. It is read once. */
const linkProblem = new URLSearchParams(location.hash.slice(1)).get('error_description');

export function SignIn({ hint }: Props) {
  const [isNew, setNew] = useState(false);
  const [mailedTo, setMailedTo] = useState<string>();
  const [problem, setProblem] = useState(linkProblem ?? undefined);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const credentials = {
      email: String(form.get('email')),
      password: String(form.get('password')),
    };
    setBusy(true);
    setProblem(undefined);
    const { data, error } = isNew
      ? // Auth may want a confirmation by mail; its link leads back to this page.
        await supabase.auth.signUp({
          ...credentials,
          options: { emailRedirectTo: location.href.replace(/#.*/, '') },
        })
      : await supabase.auth.signInWithPassword(credentials);
    setBusy(false);
    if (error) setProblem(error.message);
    else if (data.session === null) setMailedTo(credentials.email);
  }

  const action = isNew ? 'Create account' : 'Sign in';
  return (
    <main className="sign-in">
      <form className="card" onSubmit={(event) => void submit(event)}>
        <h1 className="brand">
          <span className="brand-mark" aria-hidden="true" />
          Stepbase
        </h1>
        <p className="muted">{hint ?? 'Sign in to see your application’s runs.'}</p>
        <label>
          E-mail
          <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            autoComplete={isNew ? 'new-password' : 'current-password'}
            required
          />
        </label>
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        {mailedTo && (
          <p role="status">Open the link in the mail to {mailedTo} to confirm your address.</p>
        )}
        <button className="primary" type="submit" disabled={busy}>
          {busy ? 'Please wait…' : action}
        </button>
        <button type="button" onClick={() => setNew(!isNew)}>
          {isNew ? 'I have an account' : 'I have no account yet'}
        </button>
      </form>
    </main>
  );
}
