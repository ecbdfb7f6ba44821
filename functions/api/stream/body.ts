// The body of an event stream. Its client may leave while a frame is awaited: the frame is dropped, because a stream
// that was cancelled refuses it.

export interface BodyOptions {
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  isClosed(): boolean;
  /** Called when the stream ends: the run has ended, reading failed, or the client has left. */
  end(): void;
  onError(error: unknown): void;
}

export function eventStream(
  frames: AsyncIterator<string>,
  { signal, isClosed, end, onError }: BodyOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  // A client that left while the request was checked causes no abort event any more.
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await frames.next();
        if (isClosed()) return close(controller);
        if (!done) return controller.enqueue(encoder.encode(value));
      } catch (error) {
        if (!isClosed()) onError(error);
      }
      end();
      close(controller);
    },
    cancel: end,
  });
}

function close(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close();
  } catch {
    // The client has cancelled the stream, which closed it.
  }
}
