// Spans, and their encoding as OTLP in JSON (opentelemetry-proto, ExportTraceServiceRequest). Written here because the
// official packages are 24 MB with the parts for metrics and logs, and this is all that a worker uses of them.

import { VERSION } from '../../_shared/version.ts';

export interface Span {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits. */
  spanId: string;
  parentSpanId: string | undefined;
  /** The parent is a span of another system. */
  hasRemoteParent: boolean;
  name: string;
  kind: SpanKind;
  /** Milliseconds since 1970. */
  startedAt: number;
  endedAt: number;
  attributes: Readonly<Record<string, Attribute | undefined>>;
  hasFailed: boolean;
}

export type Attribute = string | number | boolean;

export const SPAN_KINDS = { internal: 1, client: 3, consumer: 5 } as const;
export type SpanKind = keyof typeof SPAN_KINDS;

const STATUS_ERROR = 2;
/** The bits of `flags` beside those of traceparent. */
const IS_SAMPLED = 1;
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

export type Resource = Readonly<Record<string, string>>;

/** The body of one export. */
export function encodeSpans(spans: readonly Span[], resource: Resource): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: encodeAttributes(resource) },
        scopeSpans: [{ scope: { name: 'stepbase', version: VERSION }, spans: spans.map(encode) }],
      },
    ],
  });
}

function encode(span: Span): object {
  const { traceId, spanId, parentSpanId, name } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: SPAN_KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.startedAt),
    endTimeUnixNano: nanoseconds(Math.max(span.startedAt, span.endedAt)),
    attributes: encodeAttributes(span.attributes),
    status: span.hasFailed ? { code: STATUS_ERROR } : {},
    flags: IS_SAMPLED | HAS_IS_REMOTE | (span.hasRemoteParent ? IS_REMOTE : 0),
  };
}

/** 64-bit integers are strings in the JSON of protocol buffers. */
const nanoseconds = (ms: number): string => String(BigInt(Math.round(ms * 1_000)) * 1_000n);

function encodeAttributes(attributes: Span['attributes']): object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: encodeValue(value) }],
  );
}

function encodeValue(value: Attribute): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
