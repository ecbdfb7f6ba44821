// A newcomer finds the answers to six questions in at most two links from the README, and no link is broken.

import { describe, expect, it } from 'vitest';
import { anchorsOf, distancesFrom, exists, linksOf, pages, read } from './docs-pages.ts';

const QUESTIONS = [
  {
    question: 'What happens when a step fails?',
    page: 'docs/concepts/failure.md',
    names: ['stepbase_engine.fail', '*_fail.sql'],
  },
  {
    question: 'How is a job leased?',
    page: 'docs/concepts/tokens-and-leases.md',
    names: [
      'stepbase_engine.claim',
      'stepbase_engine.renew_leases',
      'stepbase_engine.expire_leases',
      '*_tokens.sql',
      'functions/worker/leases.ts',
    ],
  },
  {
    question: 'Where is a step type added?',
    page: 'CONTRIBUTING.md',
    names: ['functions/_shared/step-types/', 'functions/worker/steps/'],
  },
  {
    question: 'How does RLS decide who sees a run?',
    page: 'docs/concepts/tenancy.md',
    names: [
      'stepbase_private.app_code',
      'stepbase_private.has_permission',
      '*_claims.sql',
      '*700_runs.sql',
    ],
  },
  {
    question: 'How does the embedded Realtime work?',
    page: 'docs/internals/embedded-stack.md',
    names: ['scripts/stack/realtime/'],
  },
  {
    question: 'How is an RPC added?',
    page: 'CONTRIBUTING.md',
    names: ['stepbase_private.require_permission'],
  },
];

describe('a newcomer', () => {
  const distances = distancesFrom('README.md');

  it.each(QUESTIONS)('$question: finds the answer in at most two links', ({ page, names }) => {
    expect(distances.get(page), `links from README.md to ${page}`).toBeLessThanOrEqual(2);
    expect(exists(page), `${page} exists`).toBe(true);
    const text = read(page);
    for (const name of names) expect(text, `${page} names ${name}`).toContain(name);
  });

  it('reaches every page from the README', () => {
    expect(pages.filter((page) => page.startsWith('docs/') && !distances.has(page))).toEqual([]);
  });
});

describe('the links of the pages', () => {
  it.each(pages)('%s: every relative link leads to a file and a heading', (page) => {
    const broken = linksOf(page).filter(
      ({ path, anchor }) =>
        !exists(path) ||
        (anchor !== undefined && path.endsWith('.md') && !anchorsOf(path).has(anchor)),
    );
    expect(broken).toEqual([]);
  });
});
