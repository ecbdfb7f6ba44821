// The top bar: navigation, switching the application, theme and sign-out.
import { useEffect, useState } from 'react';
import { explain, supabase } from './client.ts';

interface Membership {
  app_code: string;
  role: string;
  /** Null: another member added the user, who has not accepted yet. */
  accepted_at: string | null;
}

interface Props {
  appCode: string | undefined;
  role: string | undefined;
  email: string;
}

const THEME_KEY = 'stepbase.theme';

function useTheme() {
  const [theme, setTheme] = useState(() => localStorage.getItem(THEME_KEY) ?? 'auto');
  useEffect(() => {
    localStorage.setItem(THEME_KEY, theme);
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  return { theme, setTheme };
}

export function TopBar({ appCode, role, email }: Props) {
  const { theme, setTheme } = useTheme();
  const [memberships, setMemberships] = useState<Membership[]>([]);
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    void supabase.rpc('my_applications').then(({ data }) => {
      setMemberships((data ?? []).filter(({ deactivated_at }) => deactivated_at === null));
    });
  }, []);

  const pending = memberships.filter((membership) => membership.accepted_at === null);
  const apps = memberships
    .filter((membership) => membership.accepted_at !== null)
    .map((membership) => membership.app_code);

  function accepted(app: string): void {
    setMemberships((known) =>
      known.map((membership) =>
        membership.app_code === app
          ? { ...membership, accepted_at: membership.accepted_at ?? new Date().toISOString() }
          : membership,
      ),
    );
  }

  async function decline(app: string): Promise<void> {
    const { data } = await supabase.auth.getUser();
    if (!data.user) return;
    const { error } = await supabase
      .from('app_members')
      .delete()
      .eq('app_code', app)
      .eq('user_id', data.user.id);
    if (error) setProblem(explain(error));
    else setMemberships((known) => known.filter((membership) => membership.app_code !== app));
  }

  async function switchTo(next: string): Promise<void> {
    const { error } = await supabase.rpc('switch_app', { app_code: next });
    if (error) setProblem(explain(error));
    else {
      accepted(next);
      await supabase.auth.refreshSession();
      location.hash = '#/runs';
    }
  }

  return (
    <header className="top-bar">
      <a className="brand" href="#/runs">
        <span className="brand-mark" aria-hidden="true" />
        Stepbase
      </a>
      <nav aria-label="Pages">
        <a href="#/runs">Runs</a>
        <a href="#/api">API</a>
      </nav>
      {appCode !== undefined && (
        <label className="inline">
          <span className="visually-hidden">Application</span>
          <select value={appCode} onChange={(event) => void switchTo(event.target.value)}>
            {(apps.length > 0 ? apps : [appCode]).map((code) => (
              <option key={code}>{code}</option>
            ))}
          </select>
        </label>
      )}
      {pending.map((membership) => (
        <span key={membership.app_code} className="inline" role="status">
          Pending: {membership.app_code} ({membership.role})
          <button
            type="button"
            aria-label={`Accept ${membership.app_code}`}
            onClick={() => void switchTo(membership.app_code)}
          >
            Accept
          </button>
          <button
            type="button"
            aria-label={`Decline ${membership.app_code}`}
            onClick={() => void decline(membership.app_code)}
          >
            Decline
          </button>
        </span>
      ))}
      {problem && (
        <span className="problem" role="alert">
          {problem}
        </span>
      )}
      <span className="spacer" />
      <span className="muted hide-narrow">
        {email}
        {role ? ` · ${role}` : ''}
      </span>
      <label className="inline">
        <span className="visually-hidden">Theme</span>
        <select value={theme} onChange={(event) => setTheme(event.target.value)}>
          <option value="auto">System</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
      <button type="button" onClick={() => void supabase.auth.signOut()}>
        Sign out
      </button>
    </header>
  );
}
