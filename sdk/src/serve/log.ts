// The log of an attempt: lines are gathered, and sent together a moment later and before the answer.
import type { Callback, LogLine } from './callback.ts';

export type LogLevel = LogLine['level'];

/** The log of an attempt. A message has up to 4,000 characters; `data` is sent as an object of JSON. */
export interface StepLog {
  /** A line for developers. */
  debug(message: string, data?: object): void;
  /** A line about the normal course. */
  info(message: string, data?: object): void;
  /** A line about something unexpected that the handler coped with. */
  warn(message: string, data?: object): void;
  /** A line about a failure. It does not fail the step. */
  error(message: string, data?: object): void;
}

const GATHER_MS = 500;
const MAX_LINES = 100;
const MAX_CHARACTERS = 4_000;
const SEND_MS = 10_000;

export interface LogSender extends StepLog {
  /** Resolves when all lines are sent, or are lost because Stepbase refuses them. */
  flush(): Promise<void>;
}

export function createLog(callback: Pick<Callback, 'log'>): LogSender {
  const lines: LogLine[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending: Promise<void> = Promise.resolve();

  async function send(): Promise<void> {
    while (lines.length > 0) {
      const batch = lines.splice(0, MAX_LINES);
      // A lost log line must not fail the work.
      await callback.log(batch, AbortSignal.timeout(SEND_MS)).catch(() => undefined);
    }
  }
  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    sending = sending.then(send);
    return sending;
  }
  const write = (level: LogLevel) => (message: string, data?: object) => {
    lines.push({
      level,
      message: message.slice(0, MAX_CHARACTERS) || '(empty)',
      ...(data === undefined ? {} : { data: copyOf(data) }),
      at: new Date().toISOString(),
    });
    timer ??= setTimeout(() => void flush(), GATHER_MS);
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    flush,
  };
}

/** As an object of JSON, because one line that is none would lose the lines that are sent with it. */
function copyOf(data: object): object {
  if (data instanceof Error) return { name: data.name, message: data.message };
  try {
    const copy: unknown = JSON.parse(JSON.stringify(data) ?? 'null');
    const isPlain = typeof copy === 'object' && copy !== null && !Array.isArray(copy);
    return isPlain ? copy : { value: copy };
  } catch (error) {
    return { not_logged: error instanceof Error ? error.message : String(error) };
  }
}
