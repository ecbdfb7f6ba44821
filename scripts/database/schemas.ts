// The schemas that the migrations create, by their role. Tools and tests take the names from here.

export const SCHEMAS = {
  /** Tables under row-level security and RPCs: the schema that clients see. */
  exposed: 'stepbase',
  /** The state machine. */
  engine: 'stepbase_engine',
  /** Functions and tables behind the exposed ones. */
  private: 'stepbase_private',
  /** The tables of pg-boss. */
  queue: 'stepbase_queue',
} as const;

export const schemaNames: string[] = Object.values(SCHEMAS);

/** The names as a list of SQL literals: `n.nspname in (${schemaLiterals})`. */
export const schemaLiterals = schemaNames.map((name) => `'${name}'`).join(', ');
