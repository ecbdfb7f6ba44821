// The tables of the model, as Markdown: what docs/internals/scale-model.md shows, and what `npm run scale` prints.

import { type Assumptions, type CostFigures, limitOf, millionSteps, stepCost } from './model.ts';

const CORES = [2, 4, 8, 16, 32, 64];
const SHARES = [0, 0.2, 1];

const n = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const percent = (share: number) => `${Math.round(share * 100)} %`;

const table = (head: string[], rows: (string | number)[][]) =>
  [
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---:').join(' | ')} |`,
    ...rows.map(
      (row) =>
        `| ${row.map((cell) => (typeof cell === 'number' ? n.format(cell) : cell)).join(' | ')} |`,
    ),
  ].join('\n');

/** The mix of the assumptions, beside those without and with only HTTP steps. */
const sharesOf = ({ httpShare }: Assumptions) =>
  [...new Set([...SHARES, httpShare])].sort((one, other) => one - other);

export function costTable(figures: CostFigures, assumed: Assumptions): string {
  return table(
    [
      'HTTP steps',
      'PostgreSQL, core hours',
      'workers, core hours',
      'WAL, GB',
      'rows, millions',
      'disk, GB',
      'price',
    ],
    sharesOf(assumed).map((share) => {
      const cost = millionSteps(stepCost(figures, share), assumed);
      return [
        percent(share),
        cost.serverCoreHours,
        cost.workerCoreHours,
        cost.walGb,
        cost.rowsMillion,
        cost.diskGb,
        cost.price,
      ];
    }),
  );
}

export function limitTable(figures: CostFigures, assumed: Assumptions): string {
  const cost = stepCost(figures, assumed.httpShare);
  return table(
    [
      'cores of PostgreSQL',
      'steps/s by processor',
      'steps/s by WAL',
      'steps/s',
      'steps a month, millions',
      `disk for ${assumed.retentionDays} days, GB`,
      'cores of workers',
    ],
    CORES.map((cores) => {
      const limit = limitOf(cost, cores, assumed);
      return [
        String(cores),
        limit.byCpu,
        limit.byWal,
        limit.stepsPerS,
        (limit.stepsPerS * 86_400 * 30) / 1e6,
        limit.diskGb,
        limit.workerCores,
      ];
    }),
  );
}
