// Secrets: looked up after all other templates are resolved, and masked in the result of the handler.

import { ExpressionError } from './errors.ts';
import type { Json } from './json.ts';
import { createMask, type Mask } from './mask.ts';
import { createMaskedText, type MaskedText } from './mask-stream.ts';

export interface Secret {
  readonly value: string;
  /** The hosts that may receive it; undefined for any host. */
  readonly hosts?: readonly string[];
}

export type SecretLookup = (name: string) => Secret | undefined | Promise<Secret | undefined>;

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
  /** The secrets that name the hosts that may receive them. */
  readonly receivers: readonly { readonly secret: string; readonly hosts: readonly string[] }[];
  /** A copy in which *** replaces the value of every secret, because a server may echo one into the result. */
  readonly mask: Mask;
  /** The same for a text that arrives in pieces. */
  readonly maskedText: () => MaskedText;
}

/** Called directly before a handler runs; its result is never stored or logged. */
export async function resolveSecrets(resolved: Resolved, lookup: SecretLookup): Promise<Revealed> {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  const receivers: { secret: string; hosts: readonly string[] }[] = [];
  for (const name of resolved.secrets) {
    const secret = await lookup(name);
    if (secret === undefined) {
      throw new ExpressionError(
        'secret_not_found',
        `the secret ${name} is not set for this application`,
      );
    }
    values[name] = secret.value;
    if (secret.hosts !== undefined) receivers.push({ secret: name, hosts: secret.hosts });
  }
  const config = await resolved.finish(values).catch((error: unknown) => {
    throw error instanceof ExpressionError ? withoutValues(error) : error;
  });
  const shown = Object.values(values);
  return { config, receivers, mask: createMask(shown), maskedText: () => createMaskedText(shown) };
}

/** The message of an expression that saw a secret may contain it in any form: `$error($uppercase(secrets.key))`. */
function withoutValues({ code, details }: ExpressionError): ExpressionError {
  const { path, expression, jsonata_code: jsonataCode } = details;
  const error = new ExpressionError(code, 'an expression with a secret failed', {
    ...(expression === undefined ? {} : { expression }),
    ...(jsonataCode === undefined ? {} : { jsonata_code: jsonataCode }),
  });
  return path === undefined ? error : error.at(path);
}
