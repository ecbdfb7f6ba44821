// The router: hash history, the application in the first part of the path. Pages outside of an application begin with
// `/-/`, which no code of an application can be.
import {
  createHashHistory,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from '@tanstack/react-router';
import { pageChanges } from '../shared/page-change.ts';
import { AppBoundary } from './AppBoundary.tsx';
import { Frame } from './Frame.tsx';
import { NewApplicationPage, NotFound, StartPage } from './outside.tsx';
import { PageError, PagePending } from './page-states.tsx';
import { PAGES } from './pages.ts';

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound });

const app = createRoute({ getParentRoute: () => root, path: '/$app', component: AppBoundary });

const pages = PAGES.map(({ path, load }) =>
  createRoute({ getParentRoute: () => app, path, component: lazyRouteComponent(load) }),
);

const outside = [
  createRoute({ getParentRoute: () => root, path: '/', component: StartPage }),
  createRoute({
    getParentRoute: () => root,
    path: '/-/new-application',
    component: NewApplicationPage,
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/-/profile',
    component: lazyRouteComponent(() => import('../auth/ProfilePage.tsx')),
  }),
];

/** The query of an address is plain: `?status=failed`. */
const parseSearch = (text: string): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(text));

function stringifySearch(search: Record<string, unknown>): string {
  const present = Object.entries(search).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return present.length === 0 ? '' : `?${new URLSearchParams(present)}`;
}

export function createAppRouter() {
  const router = createRouter({
    routeTree: root.addChildren([...outside, app.addChildren(pages)]),
    history: createHashHistory(),
    defaultNotFoundComponent: NotFound,
    defaultErrorComponent: PageError,
    defaultPendingComponent: PagePending,
    defaultPreload: 'intent',
    scrollRestoration: true,
    parseSearch,
    stringifySearch,
  });
  router.subscribe('onBeforeNavigate', ({ pathChanged, fromLocation }) => {
    if (pathChanged && fromLocation) pageChanges();
  });
  return router;
}
