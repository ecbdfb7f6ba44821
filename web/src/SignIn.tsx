// The sign-in page: e-mail and password through Supabase Auth, also for a new account where it is offered.
import { type FormEvent, useState } from 'react';
import { supabase } from './client.ts';

interface Props {
  hint?: string;
  /** Offers to create an account, which may need a confirmation by mail. */
  canSignUp?: boolean;
}

export function SignIn({ hint, canSignUp = false }: Props) {
  const [isNew, setNew] = useState(false);
  const [mailedTo, setMailedTo] = useState<string>();
  const [problem, setProblem] = useState<string>();
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
      ? // The link of the confirmation leads back to this page.
        await supabase.auth.signUp({
          ...credentials,
          options: { emailRedirectTo: location.href },
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
        {canSignUp && (
          <button type="button" onClick={() => setNew(!isNew)}>
            {isNew ? 'I have an account' : 'I have no account yet'}
          </button>
        )}
      </form>
    </main>
  );
}
