// The settings of traces, from the standard variables of OpenTelemetry (OTEL_*).

/** Sampled are the traces whose last 14 hex digits are not below this text; NONE: no trace. */
export type Threshold = string;

/** After every hexadecimal digit, so that no trace id reaches it. */
export const NONE: Threshold = 'none';

export interface TracingSettings {
  /** Receives POST requests with spans as OTLP in JSON. */
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The attributes of the resource; they contain service.name. */
  resource: Readonly<Record<string, string>>;
  /** The decision for a trace that starts here. */
  threshold: Threshold;
  /** A run that continues a trace follows the decision of its caller. */
  followsParent: boolean;
}

export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export interface TracingVariables {
  OTEL_SDK_DISABLED: boolean;
  OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string | undefined;
  OTEL_EXPORTER_OTLP_HEADERS: Record<string, string>;
  OTEL_SERVICE_NAME?: string | undefined;
  OTEL_RESOURCE_ATTRIBUTES: Record<string, string>;
  OTEL_TRACES_SAMPLER: (typeof SAMPLERS)[number];
  OTEL_TRACES_SAMPLER_ARG: number;
}

/** Undefined: no traces. */
export function tracingSettings(env: TracingVariables): TracingSettings | undefined {
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  // The address for traces is used as it is; the general one gets the path.
  const url =
    env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ??
    (base === undefined ? undefined : `${base.replace(/\/+$/, '')}/v1/traces`);
  if (url === undefined || env.OTEL_SDK_DISABLED) return undefined;
  const sampler = env.OTEL_TRACES_SAMPLER;
  return {
    url,
    headers: env.OTEL_EXPORTER_OTLP_HEADERS,
    resource: {
      ...env.OTEL_RESOURCE_ATTRIBUTES,
      'service.name':
        env.OTEL_SERVICE_NAME ?? env.OTEL_RESOURCE_ATTRIBUTES['service.name'] ?? 'stepbase',
    },
    threshold: thresholdOf(
      sampler.endsWith('always_on')
        ? 1
        : sampler.endsWith('always_off')
          ? 0
          : env.OTEL_TRACES_SAMPLER_ARG,
    ),
    followsParent: sampler.startsWith('parentbased_'),
  };
}

/**
 * The rejection threshold for a share of the traces (consistent probability sampling of OpenTelemetry): it compares the
 * last 56 bits of the trace id, which are random, so that all processes decide alike.
 */
export function thresholdOf(share: number): Threshold {
  if (share <= 0) return NONE;
  const threshold = BigInt(Math.round((1 - share) * 2 ** 56));
  return threshold.toString(16).padStart(14, '0');
}

export const isAtLeast = (traceId: string, threshold: Threshold): boolean =>
  traceId.slice(-14) >= threshold;
