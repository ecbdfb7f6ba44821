// The headers of a call in the log lines of a test run.
export interface Sent {
  /** `POST https://…` */
  request: string;
  headers: (readonly [name: string, value: string])[];
  isSigned: boolean;
}

const SIGNED = 'webhook-signature';

/** `lines`: the newest first. Undefined: no line has headers. The headers of the signature come first. */
export function headersOf(lines: readonly { message: string; data: unknown }[]): Sent | undefined {
  for (const { message, data } of lines) {
    const { headers } = (data ?? {}) as { headers?: Readonly<Record<string, string>> };
    if (typeof headers !== 'object' || headers === null) continue;
    const rank = (name: string) => (name.startsWith('webhook-') ? 0 : 1);
    return {
      request: message,
      headers: Object.entries(headers).sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b)),
      isSigned: SIGNED in headers,
    };
  }
  return undefined;
}
