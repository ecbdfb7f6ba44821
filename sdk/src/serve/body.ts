// Reads the body of a request before its sender is known, so it is bounded.

/** A call has an input of at most some MB. */
export const MAX_BYTES = 16 * 1024 * 1024;

/** undefined: the body is longer than `MAX_BYTES`. */
export async function readText(request: Request): Promise<string | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BYTES) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done || value === undefined) break;
    size += value.length;
    if (size > MAX_BYTES) {
      await reader?.cancel().catch(() => undefined);
      return undefined;
    }
    chunks.push(value);
  }
  return await new Blob(chunks as BlobPart[]).text();
}
