// The text format of Prometheus: escapes, histograms, families without samples; and the tokens that may read it.
import assert from 'node:assert/strict';
import { mayReadMetrics, metricsText } from './text.ts';

Deno.test('labels are escaped, and a family without samples keeps its description', () => {
  const text = metricsText(
    [
      { name: 'a', type: 'gauge', help: 'One.' },
      { name: 'b', type: 'counter', help: 'Two.' },
    ],
    [
      { name: 'a', labels: { app: 'x"\\\n', status: 'y' }, value: 1.5 },
      { name: 'other', labels: {}, value: 1 },
    ],
  );
  assert.equal(
    text,
    '# HELP stepbase_a One.\n# TYPE stepbase_a gauge\n' +
      'stepbase_a{app="x\\"\\\\\\n",status="y"} 1.5\n' +
      '# HELP stepbase_b Two.\n# TYPE stepbase_b counter\n',
  );
});

Deno.test('the secret key or the token may read metrics, nothing else', () => {
  const may = (headers: Record<string, string>, token: string | undefined = 'token') =>
    mayReadMetrics(new Headers(headers), { secretKeys: ['sb_secret'], token });
  assert.equal(may({ authorization: 'Bearer token' }), true);
  assert.equal(may({ authorization: 'bearer sb_secret' }), true);
  assert.equal(may({ apikey: 'sb_secret' }, undefined), true);
  // The token is for a scraper that can send the header Authorization.
  assert.equal(may({ apikey: 'token' }), false);
  assert.equal(may({ authorization: 'Basic token' }), false);
  assert.equal(may({ authorization: 'Bearer ' }), false);
  assert.equal(may({ authorization: 'Bearer undefined' }, undefined), false);
  assert.equal(may({}), false);
});
