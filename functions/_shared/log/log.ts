// Structured logs: one JSON object per line on standard output, with secrets masked.
import { redact } from './redact.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LEVELS)[number];
export type Fields = Record<string, unknown>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A log whose lines all have these fields. */
  with(fields: Fields): Log;
}

export interface LogOptions {
  level: LogLevel;
  fields?: Fields;
  write?: (line: string) => void;
}

export function createLog({ level, fields = {}, write = console.log }: LogOptions): Log {
  const least = LEVELS.indexOf(level);
  const at =
    (own: LogLevel) =>
    (message: string, extra: Fields = {}): void => {
      if (LEVELS.indexOf(own) < least) return;
      const line = redact({ ...fields, ...extra });
      const time = new Date().toISOString();
      write(JSON.stringify({ time, level: own, message: redact(message), ...Object(line) }));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (more) => createLog({ level, fields: { ...fields, ...more }, write }),
  };
}
