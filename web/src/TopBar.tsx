// The top bar: navigation, switching the application, theme and sign-out.
import { useEffect, useState } from 'react';
import { explain, supabase } from './client.ts';

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
  const [apps, setApps] = useState<string[]>([]);
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    void supabase.auth.getUser().then(async ({ data }) => {
      if (!data.user) return;
      const found = await supabase
        .from('app_members')
        .select('app_code')
        .eq('user_id', data.user.id);
      setApps((found.data ?? []).map((member) => member.app_code).sort());
    });
  }, []);

  async function switchTo(next: string): Promise<void> {
    const { error } = await supabase.rpc('switch_app', { app_code: next });
    if (error) setProblem(explain(error));
    else {
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
      <label className="inline">
        <span className="visually-hidden">Application</span>
        <select value={appCode ?? ''} onChange={(event) => void switchTo(event.target.value)}>
          {(apps.length > 0 ? apps : [appCode ?? '']).map((code) => (
            <option key={code}>{code}</option>
          ))}
        </select>
      </label>
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
