// The application that the address names. `useApp()` has its code, name and the role and permissions of the user;
// `useMay('run:cancel')` says whether the user may do something; `<IfMay permission="run:cancel">` shows its children
// only then. The permissions are those of the role in the table app_roles, which the policies and RPCs read, too.
import { createContext, type ReactNode, useContext } from 'react';

export interface App {
  code: string;
  name: string;
  organizationId: string;
  organization: string;
  /** The name of the role, as `developer`. */
  role: string;
  permissions: ReadonlySet<string>;
  userId: string;
  email: string;
}

const AppContext = createContext<App | undefined>(undefined);

export function AppProvider({ app, children }: { app: App; children: ReactNode }) {
  return <AppContext.Provider value={app}>{children}</AppContext.Provider>;
}

/** Throws outside of a page of an application. */
export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error('useApp is for pages of an application');
  return app;
}

/** The code of the application; an empty text in pages outside of one, such as the profile. */
export const useAppCode = (): string => useContext(AppContext)?.code ?? '';

/** `permission`: a name of docs/reference/permissions.md, such as `run:cancel`. */
export function useMay(permission: string): boolean {
  return useContext(AppContext)?.permissions.has(permission) ?? false;
}

export function IfMay({ permission, children }: { permission: string; children: ReactNode }) {
  return useMay(permission) ? children : null;
}
