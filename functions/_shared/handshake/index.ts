// The handshake of the functions with the schema.
export { askSchema, createHandshake, type Handshake } from './handshake.ts';
export type { SchemaVersion } from './verdict.ts';
