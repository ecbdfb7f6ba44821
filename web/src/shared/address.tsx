// Addresses of pages. A page of the application `acme` is `#/acme/runs/<id>`; pages write the part after the code.
// `<AppLink to={`/runs/${id}`}>` is a link, `useGo()` goes there, `usePathParam('runId')` reads a part of the path, and
// `useAddressParam('status')` keeps a filter in the address, so that a reload and the back button keep it.
import { Anchor, type AnchorProps } from '@mantine/core';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { type ComponentPropsWithoutRef, useCallback } from 'react';
import { useAppCode } from './app.tsx';

/** `to` begins with a slash: `/runs`. */
export const addressOf = (app: string, to: string): string => `#/${app}${to === '/' ? '' : to}`;

/** Makes addresses of pages of the current application, for `href`. */
export function useHref(): (to: string) => string {
  const app = useAppCode();
  return useCallback((to) => addressOf(app, to), [app]);
}

type AppLinkProps = AnchorProps &
  Omit<ComponentPropsWithoutRef<'a'>, keyof AnchorProps | 'href'> & { to: string };

export function AppLink({ to, ...props }: AppLinkProps) {
  return <Anchor {...props} href={useHref()(to)} />;
}

/** Goes to a page of the current application; `replace`: the back button leaves the present page out. */
export function useGo(): (to: string, options?: { replace?: boolean }) => void {
  const app = useAppCode();
  const navigate = useNavigate();
  return useCallback(
    (to, { replace = false } = {}) => {
      const [pathname = '/', query = ''] = to.split('?');
      void navigate({
        to: `/${app}${pathname === '/' ? '' : pathname}`,
        search: Object.fromEntries(new URLSearchParams(query)),
        replace,
      });
    },
    [app, navigate],
  );
}

/** A part of the path, by its name in the route map (shell/pages.ts). */
export function usePathParam(name: string): string {
  const params = useParams({ strict: false }) as Readonly<Record<string, string | undefined>>;
  return params[name] ?? '';
}

/** A value in the query of the address; undefined removes it. Setting it keeps the place in the history. */
export function useAddressParam(
  name: string,
): [string | undefined, (value: string | undefined) => void] {
  const search = useSearch({ strict: false }) as Readonly<Record<string, unknown>>;
  const navigate = useNavigate();
  const value = search[name];
  const set = useCallback(
    (next: string | undefined) => {
      void navigate({
        to: '.',
        search: (known: Record<string, unknown>) => {
          const { [name]: _old, ...others } = known;
          return next === undefined || next === '' ? others : { ...others, [name]: next };
        },
        replace: true,
      });
    },
    [name, navigate],
  );
  return [value === undefined ? undefined : String(value), set];
}
