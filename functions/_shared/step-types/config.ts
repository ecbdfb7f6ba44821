// Parts of config schemas. The database checks configs with a JSON Schema that is generated from them
// (scripts/step-types.ts), so a check that JSON Schema cannot see must be declared here:
// `onlyAtRunTime` for one that the database leaves out, `withJsonSchema` for one that has an equivalent.

import { z } from 'zod';

/** How a refinement is known to the generator and to the tests; see `params` of zod's refine(). */
export type RefinementScope = 'run time' | 'json schema';

const scope = (kind: RefinementScope) => ({ stepbase: kind });

/** The scope of a refinement's `params`; undefined: it was written without these helpers. */
export function refinementScope(params: unknown): RefinementScope | undefined {
  return (params as { stepbase?: RefinementScope } | undefined)?.stepbase;
}

/** Adds a check that JSON Schema cannot express: it applies when the step runs, not when it is published. */
export function onlyAtRunTime<T extends z.ZodType>(
  schema: T,
  check: (value: z.output<T>) => boolean,
  message: string,
): T {
  return schema.refine(check, { error: message, params: scope('run time') });
}

interface Equivalent<T extends z.ZodType> {
  check(value: z.output<T>): boolean;
  message: string;
  /** Which of the object's keys the message is about. */
  path?: string[];
  jsonSchema: Record<string, unknown>;
}

/** Adds a check together with the keywords that say the same in JSON Schema. */
export function withJsonSchema<T extends z.ZodType>(
  schema: T,
  { check, message, path, jsonSchema }: Equivalent<T>,
): T {
  return schema
    .refine(check, {
      error: message,
      params: scope('json schema'),
      ...(path === undefined ? {} : { path }),
    })
    .meta(jsonSchema);
}

/** Of some optional keys, exactly one must be given. */
export function exactlyOne<T extends z.ZodObject>(schema: T, ...keys: [string, ...string[]]): T {
  return withJsonSchema(schema, {
    check: (config) => keys.filter((key) => config[key] !== undefined).length === 1,
    message: `give either ${keys.join(' or ')}`,
    path: [keys[0]],
    jsonSchema: { oneOf: keys.map((key) => ({ required: [key] })) },
  });
}

/** Text with a maximum number of characters, counted as in PostgreSQL (a surrogate pair is one). */
export function textUpTo(characters: number) {
  return withJsonSchema(z.string().min(1), {
    check: (text) => text.length <= characters || [...text].length <= characters,
    message: `must have at most ${characters} characters`,
    jsonSchema: { maxLength: characters },
  });
}

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const filled = z.union([z.string().min(1), z.number(), z.boolean()]);

/** A template that is a whole string keeps its value's type: `{{ input.id }}` may well be a number. */
export const text = scalar.transform(String);
export const nonEmptyText = filled.transform(String);

/** Longest wait: a year, a leap year included. */
const LONGEST_WAIT_MS = 366 * 24 * 3_600_000;

export const waitMs = z.int().min(0).max(LONGEST_WAIT_MS);

/** When a wait ends at the latest. Templates may select nothing, hence nullish. */
export const deadlineMs = z.int().min(1).max(LONGEST_WAIT_MS).nullish();

/** Names of signals, queries and events. */
export const eventName = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/,
    'must start with a letter and have at most 100 letters, digits, _ . -',
  );

const url = z.url({ protocol: /^https?$/ });

export const httpUrl = onlyAtRunTime(
  z.string().min(1),
  (value) => url.safeParse(value).success,
  'must be an http or https URL',
);

/** A null value (an optional template without a value) leaves the header out. */
export const headers = z.record(z.string(), scalar.nullable()).default({});

export const query = z
  .record(z.string(), z.union([scalar, z.array(scalar)]).nullable())
  .default({});

/** Statuses that may be tried again, besides network errors, 408, 429 and 5xx. */
export const retryOn = z.array(z.union([z.int(), z.enum(['4xx', '5xx'])])).optional();

/** A name, or several. */
const oneOrSeveral = z.union([z.string(), z.array(z.string()).min(1).max(20)]).nullish();

/** Shortest time between two reminders. */
const SHORTEST_REMINDER_MS = 60_000;

/** The escalation of a task that was not completed in time. */
const escalation = z.strictObject({
  after_ms: z.int().min(1).max(LONGEST_WAIT_MS),
  assigned_to: z.string().nullish(),
  role: oneOrSeveral,
});

/** The fields that both kinds of task have. */
export const taskFields = {
  title: nonEmptyText,
  description: text.nullish(),
  /** A user's id, or several. */
  assigned_to: oneOrSeveral,
  /** The role of the application whose members may complete the task, or several such roles. */
  role: oneOrSeveral,
  deadline_ms: deadlineMs,
  /** Mails the task to its persons. */
  notify: z.boolean().nullish(),
  remind_every_ms: z.int().min(SHORTEST_REMINDER_MS).max(LONGEST_WAIT_MS).nullish(),
  /** Before the deadline. */
  remind_before_ms: z.int().min(1).max(LONGEST_WAIT_MS).nullish(),
  /** To another person or role. */
  escalate: escalation.nullish(),
};

/** The largest file that a step reads or writes. */
export const STORAGE_MAX_BYTES = 4_194_304;

export const bucketName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'must be the name of a bucket');

const DOTS = '(^|/)\\.+(/|$)';

/** Names of the characters that Supabase Storage allows, between slashes; none of dots only. */
export const storagePath = withJsonSchema(
  z
    .string()
    .regex(
      /^[A-Za-z0-9_!.*'() &$@=;:+,?-]+(\/[A-Za-z0-9_!.*'() &$@=;:+,?-]+)*$/,
      "must be names of letters, digits, spaces and !-_.*'()&$@=;:+,? between slashes",
    ),
  {
    check: (value) => value.length <= 900 && !new RegExp(DOTS).test(value),
    message: 'must have at most 900 characters, and no name of dots only',
    jsonSchema: { maxLength: 900, not: { pattern: DOTS } },
  },
);

/** The config of the types that run a component. */
export const componentConfig = z.strictObject({
  component: z.string().min(1),
  input: z.unknown().optional(),
});
