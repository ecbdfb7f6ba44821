// Every page of the route map keeps the quality gates, in both themes, wide and narrow.

import { expect, test } from 'vitest';
import { allPaths } from '../../scripts/web/paths.ts';
import { pageFaults } from '../browser/gates.ts';
import { openPage, signIn } from '../browser/support.ts';
import { stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

test.each(['light', 'dark'] as const)(
  'every page is accessible and fits, %s',
  async (theme) => {
    const page = await openPage(theme);
    await signIn(page, 'admin@acme', '/settings');
    // The settings name their sections themselves.
    const links = page.locator('main a[href*="/settings/"]');
    const hrefs = await links.evaluateAll((all) => all.map((each) => each.getAttribute('href')));
    const sections = hrefs.map((href) => (href ?? '').replace(/^#\/[^/]+/, ''));
    expect(
      await pageFaults(page, [...new Set(sections), ...(await allPaths(stackInfo()))]),
    ).toEqual([]);
  },
  scaled(600_000),
);
