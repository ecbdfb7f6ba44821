// npm run bench [-- --json | --markdown] [--quick | --tiny] [--rounds N] [--only steps,run_ms,…]
//   [--contenders stepbase,dbos,…] [--profile]
// --only temporal compares the engines of a run, PostgreSQL and Temporal.
// Measures Stepbase against its contenders and against the limit of the database. The full size takes about
// ten minutes; --quick is for experiments, --tiny only shows that the benchmark works. Progress goes to
// standard error, the result to standard output.

import { parseArgs } from 'node:util';
import { measure, ROWS } from './bench.ts';
import { CONTENDERS } from './figures.ts';
import { costLines, lines, machine, markdown, profileMarkdown } from './report.ts';
import { FULL, QUICK, TINY } from './sizes.ts';
import { measureTemporal, temporalMarkdown } from './temporal.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    markdown: { type: 'boolean' },
    quick: { type: 'boolean' },
    tiny: { type: 'boolean' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    contenders: { type: 'string' },
    profile: { type: 'boolean' },
  },
});

function refuse(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(2);
}

function chosen<T extends string>(option: string, text: string | undefined, all: readonly T[]) {
  if (text === undefined) return new Set(all);
  const names = text.split(',').map((name) => name.trim());
  const picked = all.filter((name) => names.includes(name));
  const unknown = names.filter((name) => !all.some((known) => known === name));
  if (unknown.length > 0 || picked.length === 0) {
    refuse(`${option}: there is no ${unknown.join(', ')} (known: ${all.join(', ')})`);
  }
  return new Set(picked);
}

const sizes = values.tiny ? TINY : values.quick ? QUICK : FULL;
const rounds = Number(values.rounds ?? (sizes === FULL ? 3 : 1));
if (!Number.isInteger(rounds) || rounds < 1) refuse('--rounds is a whole number from 1');
const begin = performance.now();
const say = (message: string) => {
  console.error(`${((performance.now() - begin) / 1_000).toFixed(0).padStart(4)} s  ${message}`);
};

if (values.only === 'temporal') {
  const measured = await measureTemporal({ sizes, rounds, say });
  if (typeof measured === 'string') console.log(`Temporal was not measured: ${measured}.`);
  else if (values.json) console.log(JSON.stringify(measured));
  else console.log(temporalMarkdown(measured, rounds));
  process.exit(0);
}

const result = await measure({
  sizes,
  rounds,
  rows: chosen('--only', values.only, ROWS),
  contenders: chosen('--contenders', values.contenders, CONTENDERS),
  profile: values.profile ?? false,
  say,
});

if (result.profile) console.log(`${profileMarkdown(result.profile)}\n`);
if (values.json) console.log(JSON.stringify(result.figures));
else if (values.markdown) console.log(markdown(result, sizes, rounds));
else {
  console.log(machine(result.server));
  console.table(lines(result, sizes));
  const costs = costLines(result);
  if (costs.length > 0) console.table(costs);
}
