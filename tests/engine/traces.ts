// A collector for tests: an HTTP server that takes spans as OTLP in JSON and refuses a body that does not have the form
// of ExportTraceServiceRequest (opentelemetry-proto).

import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { type Inbox, inbox } from '../support/stack.ts';

const Attributes = z
  .array(
    z.strictObject({
      key: z.string().min(1),
      value: z.union([
        z.strictObject({ stringValue: z.string() }),
        z.strictObject({ boolValue: z.boolean() }),
        z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
        z.strictObject({ doubleValue: z.number() }),
      ]),
    }),
  )
  .transform((list) =>
    Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]])),
  );

const nanoseconds = z
  .string()
  .regex(/^\d{19}$/)
  .transform(BigInt);

const Span = z.strictObject({
  traceId: z.string().regex(/^(?!0{32})[0-9a-f]{32}$/),
  spanId: z.string().regex(/^(?!0{16})[0-9a-f]{16}$/),
  parentSpanId: z
    .string()
    .regex(/^(?!0{16})[0-9a-f]{16}$/)
    .optional(),
  name: z.string().min(1),
  kind: z.int().min(1).max(5),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes: Attributes,
  status: z.strictObject({ code: z.int().min(0).max(2).optional() }),
  flags: z.int().nonnegative(),
});

const Request = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: Attributes }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string(), version: z.string() }),
          spans: z.array(Span).min(1),
        }),
      ),
    }),
  ),
});

export type ReceivedSpan = z.output<typeof Span> & {
  resource: Record<string, unknown>;
  headers: IncomingHttpHeaders;
};

export interface Collector {
  url: string;
  spans: Inbox<ReceivedSpan>;
  /** The bodies as they arrived. */
  bodies: string[];
  /** What was wrong with requests. */
  problems: string[];
  stop(): void;
}

export async function startCollector(): Promise<Collector> {
  const spans = inbox<ReceivedSpan>();
  const bodies: string[] = [];
  const problems: string[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString();
      bodies.push(body);
      const parsed = Request.safeParse(JSON.parse(body));
      if (!parsed.success || request.method !== 'POST' || request.url !== '/v1/traces') {
        problems.push(`${request.method} ${request.url}: ${parsed.error?.message ?? ''}`);
        response.writeHead(400).end();
        return;
      }
      for (const { resource, scopeSpans } of parsed.data.resourceSpans) {
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
          spans.push({ ...span, resource: resource.attributes, headers: request.headers });
        }
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    problems,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
