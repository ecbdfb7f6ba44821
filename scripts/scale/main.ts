// npm run scale -- [--figures FILE] [--http 0.2] [--utilisation 0.6] [--efficiency 0.8] [--wal-mb 100] [--days 30]
//   [--core-hour 0.05] [--disk-gb 0.125] [--wal-gb 0.02] [--wal-days 7]
// Prints what a million steps cost and how many steps one PostgreSQL executes, from a file that ends with the line of
// `npm run bench -- --json --only costs`. Without a file: the figures of docs/internals/scale-model.md.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Assumptions, type CostFigures, DEFAULTS } from './model.ts';
import { costTable, limitTable } from './report.ts';

const { values } = parseArgs({
  options: {
    figures: { type: 'string' },
    http: { type: 'string' },
    utilisation: { type: 'string' },
    efficiency: { type: 'string' },
    'wal-mb': { type: 'string' },
    days: { type: 'string' },
    'core-hour': { type: 'string' },
    'disk-gb': { type: 'string' },
    'wal-gb': { type: 'string' },
    'wal-days': { type: 'string' },
  },
});

function refuse(message: string): never {
  console.error(`scale: ${message}`);
  process.exit(2);
}

function number(name: keyof typeof values, fallback: number, most = Number.POSITIVE_INFINITY) {
  const given = values[name];
  if (given === undefined) return fallback;
  const value = Number(given);
  if (given.trim() === '' || !(value >= 0 && value <= most)) {
    refuse(`--${name} must be a number from 0${Number.isFinite(most) ? ` to ${most}` : ''}`);
  }
  return value;
}

const { prices } = DEFAULTS;
const assumed: Assumptions = {
  httpShare: number('http', DEFAULTS.httpShare, 1),
  utilisation: number('utilisation', DEFAULTS.utilisation, 1),
  coreEfficiency: number('efficiency', DEFAULTS.coreEfficiency, 1),
  walMbPerS: number('wal-mb', DEFAULTS.walMbPerS),
  retentionDays: number('days', DEFAULTS.retentionDays),
  prices: {
    coreHour: number('core-hour', prices.coreHour),
    diskGbMonth: number('disk-gb', prices.diskGbMonth),
    walGbMonth: number('wal-gb', prices.walGbMonth),
    walDays: number('wal-days', prices.walDays),
  },
};

function readFigures(): CostFigures {
  const file = values.figures ?? new URL('./figures.json', import.meta.url);
  try {
    const text = readFileSync(file, 'utf8').trim();
    // The output of the benchmark ends with the object.
    return JSON.parse(text.slice(Math.max(0, text.lastIndexOf('\n{')))) as CostFigures;
  } catch (error) {
    return refuse(`--figures: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const figures = readFigures();
try {
  console.log(`A million steps\n\n${costTable(figures, assumed)}\n`);
  console.log(
    `One PostgreSQL, ${Math.round(assumed.httpShare * 100)} % HTTP steps\n\n${limitTable(figures, assumed)}`,
  );
} catch (error) {
  refuse(error instanceof Error ? error.message : String(error));
}
