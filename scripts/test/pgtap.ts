// Runs supabase/tests on a fresh migrated database, one session per file, and reads their TAP output.

import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type Problem, readSource } from '../sql-lint/source.ts';
import { ROOT } from '../stack/options.ts';
import { scaled } from './time.ts';

const TESTS = join(ROOT, 'supabase', 'tests');
const FILE_DEADLINE_MS = scaled(120_000);

export interface TapFile {
  name: string;
  lines: string[];
  passed: number;
  /** Failed assertions, a wrong plan, or an SQL error, each as text. */
  failures: string[];
}

/** Sorted as `supabase test db` does: helpers (000-…) first. */
export async function pgtapFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob('**/*.{sql,pg}', { cwd: TESTS })) files.push(file);
  return files.sort((a, b) => (a < b ? -1 : 1));
}

/** Counts assertions and compares their number with the plan. */
export function readTap(name: string, lines: string[]): TapFile {
  const failures: string[] = [];
  let passed = 0;
  let ran = 0;
  let planned: number | undefined;
  for (const [index, line] of lines.entries()) {
    const plan = /^1\.\.(\d+)/.exec(line);
    if (plan) planned = Number(plan[1]);
    const result = /^(not )?ok\b\s*(.*)$/.exec(line);
    if (!result) continue;
    ran += 1;
    if (!result[1] || /#\s*(todo|skip)\b/i.test(line)) {
      passed += 1;
      continue;
    }
    const notes: string[] = [];
    for (let next = index + 1; lines[next]?.startsWith('#'); next += 1) {
      notes.push(lines[next] ?? '');
    }
    failures.push([line, ...notes].join('\n'));
  }
  // A file that only defines helpers has no plan and no results.
  if (ran > 0 && planned === undefined) failures.push('the file has no plan');
  if (planned !== undefined && ran !== planned) {
    failures.push(`planned ${planned} tests but ran ${ran}`);
  }
  return { name, lines, passed, failures };
}

export async function runTapFile(url: string, name: string): Promise<TapFile> {
  const sql = await readFile(join(TESTS, name), 'utf8');
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    statement_timeout: FILE_DEADLINE_MS,
    application_name: 'pgtap',
  });
  client.on('error', () => undefined);
  await client.connect();
  const problems: Problem[] = [];
  const { statements } = readSource(name, sql, problems);
  const lines: string[] = [];
  let line = 0;
  try {
    // Statement by statement, as psql does: statements before `begin` are committed.
    for (const statement of statements) {
      line = statement.line;
      const { rows } = await client.query<unknown[]>({ text: statement.text, rowMode: 'array' });
      for (const [first] of rows) {
        if (typeof first === 'string') lines.push(...first.split('\n'));
      }
    }
    const file = readTap(name, lines);
    const unread = problems.map((problem) => `line ${problem.line}: ${problem.message}`);
    return { ...file, failures: [...file.failures, ...unread] };
  } catch (error) {
    const { message, where } = error as Error & { where?: string };
    const { passed, failures } = readTap(name, lines);
    const stopped = `line ${line}: ${message}${where ? `\n${where}` : ''}`;
    return { name, lines, passed, failures: [...failures, stopped] };
  } finally {
    await client.end().catch(() => undefined);
  }
}
