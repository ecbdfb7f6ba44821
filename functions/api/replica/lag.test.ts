// The bound of the lag, with times and positions by hand.
import assert from 'node:assert/strict';
import { createLag } from './lag.ts';

Deno.test('before the first replayed position the lag is unknown', () => {
  const lag = createLag(1_000);
  lag.sawPrimary(10n, 0);
  lag.sawReplica(9n);
  assert.equal(lag.boundMs(0), Number.POSITIVE_INFINITY);
});

Deno.test('a replica that has replayed everything is behind by the time since the question', () => {
  const lag = createLag(1_000);
  lag.sawPrimary(10n, 100);
  lag.sawReplica(10n);
  assert.equal(lag.boundMs(103), 3);
});

Deno.test('an idle primary is no lag, however old its last transaction is', () => {
  const lag = createLag(1_000);
  for (let at = 0; at <= 60_000; at += 1_000) {
    lag.sawPrimary(10n, at);
    lag.sawReplica(10n, at - 3_600_000);
    assert.equal(lag.boundMs(at), 0);
  }
});

Deno.test('a replica that stops falls behind by the time since its last position', () => {
  const lag = createLag(1_000);
  for (let at = 0; at <= 5_000; at += 100) {
    lag.sawPrimary(BigInt(at), at);
    lag.sawReplica(at < 2_000 ? BigInt(at) : 2_000n);
  }
  assert.equal(lag.boundMs(5_000), 3_000);
});

Deno.test('a replica that is steadily behind is measured, however often the primary is asked', () => {
  const lag = createLag(1_000);
  for (let at = 0; at <= 5_000; at += 1) {
    lag.sawPrimary(BigInt(at), at);
    lag.sawReplica(BigInt(Math.max(0, at - 700)));
  }
  const bound = lag.boundMs(5_000);
  assert.ok(bound >= 700 && bound < 720, String(bound));
});

Deno.test('its own age of the last transaction counts where no position of the primary is known', () => {
  const lag = createLag(1_000);
  lag.sawPrimary(20n, 10_000);
  lag.sawReplica(10n, 9_600);
  assert.equal(lag.boundMs(10_000), 400);
  lag.reset();
  assert.equal(lag.boundMs(10_000), Number.POSITIVE_INFINITY);
});
