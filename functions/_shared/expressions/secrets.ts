// Secrets: looked up after all other templates are resolved, and masked in the result of the handler.

import { ExpressionError } from './errors.ts';
import type { Json } from './json.ts';

export type SecretLookup = (name: string) => string | undefined | Promise<string | undefined>;

/** A config in which all templates are resolved except those with secrets. */
export interface Resolved {
  /** For step_runs.input: all values; templates with secrets are kept as text. */
  readonly stored: Json;
  /** The names of the secrets that resolveSecrets looks up. */
  readonly secrets: readonly string[];
  /** Internal to resolveSecrets. */
  readonly finish: (secrets: Readonly<Record<string, string>>) => Promise<Json>;
}

export interface Revealed {
  readonly config: Json;
  /** A copy in which *** replaces the value of every secret, because a server may echo one into the result. */
  mask<T>(value: T): T;
}

/** Shorter values are not masked, because they also occur in ordinary text. */
const shortestMasked = 4;
/** A cut text may end within a secret: a prefix of this length at its end is masked too. */
const shortestCut = 8;

/** Called directly before a handler runs; its result is never stored or logged. */
export async function resolveSecrets(resolved: Resolved, lookup: SecretLookup): Promise<Revealed> {
  const secrets: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const name of resolved.secrets) {
    const value = await lookup(name);
    if (value === undefined) {
      throw new ExpressionError(
        'secret_not_found',
        `the secret ${name} is not set for this application`,
      );
    }
    secrets[name] = value;
  }
  const config = await resolved.finish(secrets);
  // Longest first: one secret may contain another.
  const values = Object.values(secrets)
    .flatMap((value) => [value, encodeURIComponent(value)])
    .filter((value) => value.length >= shortestMasked)
    .sort((a, b) => b.length - a.length);
  return {
    config,
    mask: (value) => (values.length === 0 ? value : (mask(value, values) as typeof value)),
  };
}

function mask(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') {
    const whole = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), value);
    return secrets.reduce(maskCut, whole);
  }
  if (Array.isArray(value)) return value.map((item) => mask(item, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [mask(key, secrets) as string, mask(item, secrets)]),
  );
}

function maskCut(text: string, secret: string): string {
  const mark = text.endsWith('…') ? '…' : '';
  const end = text.length - mark.length;
  for (let length = Math.min(secret.length - 1, end); length >= shortestCut; length -= 1) {
    if (text.startsWith(secret.slice(0, length), end - length)) {
      return `${text.slice(0, end - length)}***${mark}`;
    }
  }
  return text;
}
