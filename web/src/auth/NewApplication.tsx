// The page of a user without an application: creates an organization with its first application, and lists the
// invitations that wait in the user's mailbox.
import { type FormEvent, useEffect, useState } from 'react';
import { explain, supabase } from './client.ts';

interface Invitation {
  id: string;
  application: string;
}

/** A proposal for the code: lower-case letters, digits and single hyphens between them. */
export function codeFrom(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 63)
    .replace(/-$/, '');
}

export function NewApplication() {
  const [invitations, setInvitations] = useState<Invitation[]>([]);
  const [name, setName] = useState('');
  const [code, setCode] = useState<string>();
  /** Kept when the application is refused, so that the next attempt does not create a second organization. */
  const [organizationId, setOrganizationId] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const appCode = code ?? codeFrom(name);

  useEffect(() => {
    void supabase.rpc('my_invitations').then(({ data }) => {
      setInvitations((data ?? []) as unknown as Invitation[]);
    });
  }, []);

  async function organization(): Promise<string> {
    if (organizationId !== undefined) return organizationId;
    const { data, error } = await supabase.rpc('create_organization', { slug: appCode, name });
    if (error) throw error;
    setOrganizationId(data.id);
    return data.id;
  }

  async function create(): Promise<void> {
    const organization_id = await organization();
    const { error } = await supabase.rpc('create_application', {
      app_code: appCode,
      name,
      organization_id,
    });
    if (error) throw error;
    await supabase.auth.refreshSession();
  }

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await create();
    } catch (error) {
      // The organization gets the same code: the page has one field for both.
      setProblem(
        explain(error as Error, { conflict: `The code ${appCode} is taken; choose another.` }),
      );
      setBusy(false);
    }
  }

  return (
    <section className="page new-application">
      {invitations.map((invitation) => (
        <p key={invitation.id} className="notice" role="status">
          You are invited to <strong>{invitation.application}</strong>. Open the link in the mail to
          accept.
        </p>
      ))}
      <form className="card" onSubmit={(event) => void submit(event)}>
        <h1>Create your application</h1>
        <p className="muted">
          You are not a member of an application yet. Create one for your team, or ask the admin of
          an existing one for an invitation.
        </p>
        <label>
          Name
          <input
            value={name}
            maxLength={200}
            onChange={(event) => setName(event.target.value)}
            required
          />
        </label>
        <label>
          Code
          <input
            value={appCode}
            maxLength={63}
            onChange={(event) => setCode(event.target.value)}
            required
          />
          <span className="muted small">
            Lower-case letters, digits and hyphens. It cannot be changed.
          </span>
        </label>
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <button className="primary" type="submit" disabled={isBusy}>
          {isBusy ? 'Please wait…' : 'Create application'}
        </button>
      </form>
    </section>
  );
}
