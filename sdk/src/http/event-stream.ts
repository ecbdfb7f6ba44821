// Reads server-sent events from a body. A body that is silent for too long counts as cut.
import { NetworkError } from '../errors/errors.ts';

export interface ServerEvent {
  event: string;
  data: string;
}

/** The API sends a comment every 15 s. */
const SILENCE_MS = 45_000;

export async function* readServerEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs = SILENCE_MS,
): AsyncGenerator<ServerEvent, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let event = '';
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await within(silenceMs, reader.read());
      if (done) return;
      // A carriage return at the end may be the first half of a line break.
      const lines = (text + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      text = lines.pop() ?? '';
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) yield { event, data: data.join('\n') };
          event = '';
          data = [];
          continue;
        }
        const [, field = '', content = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
        if (field === 'event') event = content;
        else if (field === 'data') data.push(content);
      }
    }
  } finally {
    // The connection may be broken already.
    await reader.cancel().catch(() => undefined);
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new NetworkError(`the stream of events was silent for ${ms} ms`)),
      ms,
    );
  });
  try {
    return await Promise.race([work, silence]);
  } catch (error) {
    throw error instanceof NetworkError
      ? error
      : new NetworkError('the stream of events was cut', { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
