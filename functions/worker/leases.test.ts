// The leases of a worker: how long it keeps a lease, and which tokens return to the queue.

import assert from 'node:assert/strict';
import { Leases } from './leases.ts';

Deno.test('a lease is kept until its last branch has ended', () => {
  const leases = new Leases();
  leases.acquire({ jobId: 'j', delivery: 3 });
  leases.retain('j');
  leases.retain('j');
  leases.dropUnused('j');
  leases.release('j');
  assert.deepEqual(leases.list(), [{ jobId: 'j', delivery: 3 }]);
  leases.release('j');
  assert.deepEqual([leases.size, leases.list()], [0, []]);
});

Deno.test('a token whose claim returned no branch is dropped', () => {
  const leases = new Leases();
  leases.acquire({ jobId: 'j', delivery: 0 });
  assert.equal(leases.size, 1);
  leases.dropUnused('j');
  assert.equal(leases.size, 0);
});

Deno.test('abandoned tokens are returned once, without the rest of the token', () => {
  const leases = new Leases();
  const token = { jobId: 'j', delivery: 1, runId: 'r', hasBacklog: false };
  leases.abandon([token, token]);
  assert.deepEqual(leases.drainAbandoned(), [{ jobId: 'j', delivery: 1 }]);
  assert.deepEqual(leases.drainAbandoned(), []);
});
