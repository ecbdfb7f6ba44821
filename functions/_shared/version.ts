/** The version in package.json and of stepbase_engine.schema_version(); tests keep them equal. */
export const VERSION = '0.1.0';
