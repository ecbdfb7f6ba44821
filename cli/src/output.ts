// What commands print: text for people, or JSON for programs. Colours and progress appear on a terminal only.
import { styleText } from 'node:util';
import type { CliError } from './errors.ts';

export interface Stream {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
}

const BAR_WIDTH = 20;

type Style = Parameters<typeof styleText>[0];

export interface OutputOptions {
  stdout: Stream;
  stderr: Stream;
  json: boolean;
  env: Readonly<Record<string, string | undefined>>;
}

export class Output {
  readonly json: boolean;
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  readonly #hasColor: boolean;
  readonly #hasErrorColor: boolean;
  #progress = '';

  constructor({ stdout, stderr, json, env }: OutputOptions) {
    this.json = json;
    this.#stdout = stdout;
    this.#stderr = stderr;
    const mayColor = !json && !env.NO_COLOR && env.TERM !== 'dumb';
    this.#hasColor = mayColor && stdout.isTTY === true;
    // Either stream may be a file.
    this.#hasErrorColor = mayColor && stderr.isTTY === true;
  }

  style(style: Style, text: string): string {
    return this.#hasColor ? styleText(style, text, { validateStream: false }) : text;
  }

  line(text = ''): void {
    this.clearProgress();
    this.#stdout.write(`${text}\n`);
  }

  /** A note beside the result, such as a warning. */
  note(text: string): void {
    this.clearProgress();
    this.#stderr.write(`${text}\n`);
  }

  /** One JSON value per line, for a stream of them. */
  record(value: unknown): void {
    this.#stdout.write(`${JSON.stringify(value)}\n`);
  }

  document(value: unknown): void {
    this.#stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** The state of long work, on one line of a terminal. */
  progress(text: string): void {
    if (this.json || this.#stderr.isTTY !== true) return;
    this.#stderr.write(`\r\u001B[2K${text}`);
    this.#progress = text;
  }

  /** Long work whose size is known: a bar, the count and the current item. */
  progressOf(done: number, total: number, item: string): void {
    const filled = Math.round((done / total) * BAR_WIDTH);
    const bar = '█'.repeat(filled).padEnd(BAR_WIDTH, '░');
    this.progress(`${bar} ${done}/${total} ${item}`);
  }

  clearProgress(): void {
    if (this.#progress !== '') this.#stderr.write('\r\u001B[2K');
    this.#progress = '';
  }

  error({ code, message, hint, details }: CliError): void {
    this.clearProgress();
    if (this.json) {
      const error = { code, message, ...(hint === undefined ? {} : { hint }), ...details };
      this.#stderr.write(`${JSON.stringify({ error })}\n`);
      return;
    }
    const mark = this.#hasErrorColor
      ? styleText('red', 'error:', { validateStream: false })
      : 'error:';
    this.#stderr.write(`${mark} ${message} (${code})\n`);
    for (const text of violations(details.errors)) this.#stderr.write(`  ${text}\n`);
    if (hint !== undefined) this.#stderr.write(`${hint}\n`);
  }
}

/** The lines of `errors`, the list of faults that some refusals have. */
function violations(errors: unknown): string[] {
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return [];
    const { path, pointer, message } = one as Record<string, unknown>;
    const place = [path, pointer].find((text) => typeof text === 'string' && text !== '');
    return [`${place === undefined ? '' : `${String(place)}: `}${String(message)}`];
  });
}

/** A time of the server with milliseconds, so that times stand in a column. */
export const timeText = (text: string | null | undefined): string =>
  text === null || text === undefined ? '' : new Date(text).toISOString();

/** Rows in columns, below their head. Without rows, the sentence `none`. */
export function table(
  head: readonly string[],
  rows: readonly (readonly unknown[])[],
  none: string,
): string[] {
  if (rows.length === 0) return [none];
  const cells = [head, ...rows].map((row) =>
    row.map((cell) => (cell === null || cell === undefined ? '' : String(cell))),
  );
  const widths = head.map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? '').length)),
  );
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
