// The progress of a part of `npm test`: how many tests passed and failed, which failed, and the running files. Read from
// the output of each tool, so that the progress is correct at any time, also when the part is stopped.

import { existsSync, readFileSync } from 'node:fs';

export interface Counts {
  passed: number;
  failed: number;
}

export interface Progress extends Counts {
  /** The failed tests, each as `file > name`. */
  failures: string[];
  /** Files (or checks) that have started and not ended. */
  running: string[];
}

const noProgress = (): Progress => ({ passed: 0, failed: 0, failures: [], running: [] });

const named = (file: string | undefined, name: string) => `${file ?? 'unknown file'} > ${name}`;

export type ProgressEntry =
  | { event: 'file_started'; file: string }
  | { event: 'test'; file: string; state: 'passed' | 'failed' | 'skipped'; name: string }
  | { event: 'file_ended'; file: string; ok: boolean };

/** Vitest: the file that progress-reporter.ts writes. A line that was cut off is ignored. */
export function readVitestProgress(path: string): Progress {
  if (!existsSync(path)) return noProgress();
  const failures: string[] = [];
  const files = new Map<string, Counts & { ended: boolean }>();
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (!line.endsWith('}')) continue;
    const entry = JSON.parse(line) as ProgressEntry;
    const file = files.get(entry.file) ?? { passed: 0, failed: 0, ended: false };
    files.set(entry.file, file);
    if (entry.event === 'test') {
      if (entry.state === 'passed') file.passed += 1;
      if (entry.state === 'failed') {
        file.failed += 1;
        failures.push(named(entry.file, entry.name));
      }
    } else if (entry.event === 'file_ended') {
      file.ended = true;
      // A file that could not be loaded, or whose hooks failed, has no failed test of its own.
      if (!entry.ok && file.failed === 0) {
        file.failed = 1;
        failures.push(named(entry.file, 'the file itself (an import or a hook)'));
      }
    }
  }
  const all = [...files.values()];
  return {
    passed: all.reduce((sum, { passed }) => sum + passed, 0),
    failed: all.reduce((sum, { failed }) => sum + failed, 0),
    failures,
    running: [...files].filter(([, { ended }]) => !ended).map(([name]) => name),
  };
}

const DENO_FILE = /^running (\d+) tests? from (.+)$/;
/** Indented lines are steps of a test; the duration distinguishes a result from the output of a test. */
const DENO_RESULT = /^(\S.*) \.\.\. (ok|FAILED|ignored) \(/;

/** Deno: `running 3 tests from ./file` and a line for each test. */
export function readDenoProgress(output: string): Progress {
  const progress = noProgress();
  let open = 0;
  let file: string | undefined;
  for (const line of output.split('\n')) {
    const started = DENO_FILE.exec(line);
    if (started) {
      open = Number(started[1]);
      file = open > 0 ? started[2] : undefined;
      continue;
    }
    const [, name = '', verdict] = DENO_RESULT.exec(line) ?? [];
    if (verdict === undefined) continue;
    if (verdict === 'ok') progress.passed += 1;
    if (verdict === 'FAILED') {
      progress.failed += 1;
      progress.failures.push(named(file, name));
    }
    open -= 1;
    if (open <= 0) file = undefined;
  }
  if (file !== undefined) progress.running.push(file);
  return progress;
}

/** pgTAP, as scripts/test/db.ts prints it: `# Subtest: file`, its assertions indented, and a line at its end. */
export function readTapProgress(output: string): Progress {
  const progress = noProgress();
  let file: string | undefined;
  let hasFailed = false;
  for (const line of output.split('\n')) {
    const started = /^# Subtest: (.+)$/.exec(line);
    const broken = /^ {4}not ok \d+(?: - (.+))?/.exec(line);
    const ended = /^(not )?ok \d+ - /.exec(line);
    if (started) {
      file = started[1];
      hasFailed = false;
    } else if (/^ {4}ok\b/.test(line)) progress.passed += 1;
    else if (broken) {
      progress.failed += 1;
      progress.failures.push(named(file, broken[1] ?? 'an assertion without a name'));
      hasFailed = true;
    } else if (ended) {
      if (ended[1] && !hasFailed) {
        progress.failures.push(named(file, 'the file itself (its plan or an SQL error)'));
      }
      file = undefined;
    }
  }
  if (file !== undefined) progress.running.push(file);
  const summary = [...output.matchAll(/^# (\d+) passed, (\d+) failed$/gm)].at(-1);
  // The summary also counts failures other than assertions: a wrong plan, an SQL error.
  if (!summary) return progress;
  const [passed, failed] = [Number(summary[1]), Number(summary[2])];
  return { ...progress, passed, failed, running: [] };
}

/** scripts/check.ts: a line for each check that has ended, and the others when it is stopped. */
export function readCheckProgress(output: string): Progress {
  const progress = noProgress();
  for (const line of output.split('\n')) {
    if (/^ok {2,}\S/.test(line)) progress.passed += 1;
    const failed = /^FAILED (\S.*?)(?: \(\d+ ms.*)?$/.exec(line);
    if (failed?.[1]) {
      progress.failed += 1;
      progress.failures.push(failed[1]);
    }
    const stopped = /^stopped while running: (.+)$/.exec(line);
    if (stopped?.[1]) progress.running = stopped[1].split('; ');
  }
  return progress;
}
