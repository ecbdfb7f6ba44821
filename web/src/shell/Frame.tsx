// The frame around all pages: header with the application and the user, navigation (a drawer in narrow windows), banners,
// and the palette.
import { AppShell, Burger, Group, NavLink, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Outlet, useParams, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { appOfToken } from '../auth/session.ts';
import { addressOf } from '../shared/address.tsx';
import { Brand } from '../shared/Brand.tsx';
import { setTitleContext } from '../shared/page-change.ts';
import { AppSelect } from './AppSelect.tsx';
import { Banners } from './Banners.tsx';
import classes from './Frame.module.css';
import { useMemberships } from './memberships.ts';
import { PaletteButton } from './PaletteButton.tsx';
import { PAGES } from './pages.ts';
import { useShellSession } from './shell-session.tsx';
import { UserMenu } from './UserMenu.tsx';
import { useNavPermissions, useOpenTasks } from './use-nav.ts';

/** `/acme/runs/1` is a page of `/runs`. */
function isOf(path: string, base: string): boolean {
  return base === '/' ? path === '/' : path === base || path.startsWith(`${base}/`);
}

const TRIGGERS = ['/webhooks', '/events', '/database-triggers'];

function Navigation({ app, onGo }: { app: string; onGo(): void }) {
  const pathname = useRouterState({ select: ({ location }) => location.pathname });
  const isInside = pathname === `/${app}` || pathname.startsWith(`/${app}/`);
  const path = isInside ? pathname.slice(app.length + 1) || '/' : '';
  const permissions = useNavPermissions(app);
  const tasks = useOpenTasks(app);
  const { data } = useMemberships();
  const name = data?.find(({ app_code }) => app_code === app)?.name ?? app;
  useEffect(() => setTitleContext(name, tasks), [name, tasks]);

  const items = PAGES.filter(
    ({ nav, permission }) =>
      nav && (permission === undefined || permissions?.has(permission) !== false),
  );
  return (
    <nav aria-label="Pages">
      {items.map(({ path: to, nav }) => {
        if (!nav) return null;
        const isActive =
          isOf(path, to) || (to === '/schedules' && TRIGGERS.some((each) => isOf(path, each)));
        const isTasks = to === '/tasks' && tasks > 0;
        return (
          <NavLink
            key={to}
            href={addressOf(app, to)}
            label={nav.label}
            leftSection={<nav.icon size={18} aria-hidden="true" />}
            rightSection={
              isTasks ? (
                <Text span size="sm" fw={600} aria-label={`${tasks} open`}>
                  {tasks}
                </Text>
              ) : undefined
            }
            active={isActive}
            {...(isActive ? { 'aria-current': 'page' as const } : {})}
            onClick={onGo}
          />
        );
      })}
    </nav>
  );
}

export function Frame() {
  const [isOpen, { toggle, close }] = useDisclosure();
  // The page that is shown; the address is ahead of it while the next one is loaded.
  const page = useRouterState({ select: ({ resolvedLocation }) => resolvedLocation?.pathname });
  const isLoading = useRouterState({ select: (state) => state.isLoading });
  // In pages outside of an application, the navigation is that of the active one.
  const active = appOfToken(useShellSession());
  const { app = active } = useParams({ strict: false }) as { app?: string };
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 230, breakpoint: 'md', collapsed: { mobile: !isOpen } }}
      padding={{ base: 'sm', sm: 'lg' }}
    >
      <button type="button" className={classes.skip} onClick={skip}>
        Skip to the content
      </button>
      <AppShell.Header bg="var(--sb-surface)">
        <Group h="100%" px="md" gap="sm" wrap="nowrap" justify="space-between">
          <Group gap="sm" wrap="nowrap" miw={0}>
            <Burger
              opened={isOpen}
              onClick={toggle}
              hiddenFrom="md"
              size="sm"
              aria-label={isOpen ? 'Close the menu' : 'Open the menu'}
              aria-expanded={isOpen}
            />
            <a href="#/" className={classes.brand} aria-label="Stepbase, start">
              <Brand />
            </a>
            <AppSelect app={app} />
          </Group>
          <Group gap="xs" wrap="nowrap">
            {app !== undefined && <PaletteButton app={app} />}
            <UserMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar bg="var(--sb-surface)">
        <AppShell.Section grow p="xs" className={classes.navigation}>
          {app !== undefined && <Navigation app={app} onGo={close} />}
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main
        id="main"
        tabIndex={-1}
        className={classes.main}
        aria-busy={isLoading}
        data-page={page}
      >
        <Banners />
        <div className={classes.page}>
          <Outlet />
        </div>
      </AppShell.Main>
    </AppShell>
  );
}

/** A link to a fragment would change the route, which is in the fragment of the address. */
const skip = () => document.getElementById('main')?.focus();
