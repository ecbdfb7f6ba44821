// Build of the web client; the stack serves the result with its address in config.js.
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { docs } from './build/docs.ts';

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

const absent = fileURLToPath(new URL('build/absent.ts', import.meta.url));

/** The shared expressions run in a web worker too, without the modules of Node.js and without QuickJS. */
const EXPRESSIONS: Readonly<Record<string, string>> = {
  'node:timers': source('editor/evaluate/node-timers.ts'),
  'node:async_hooks': source('editor/evaluate/node-async-hooks.ts'),
  './regex.ts': source('editor/evaluate/regex.ts'),
};

const expressionsInBrowser = (): Plugin => ({
  name: 'expressions-in-browser',
  enforce: 'pre',
  resolveId: (name, importer) =>
    importer?.includes('/functions/_shared/expressions/') ? EXPRESSIONS[name] : undefined,
});

export default defineConfig({
  plugins: [expressionsInBrowser(), react(), docs()],
  worker: { format: 'es', plugins: () => [expressionsInBrowser()] },
  resolve: {
    alias: {
      // supabase-js has them in every client; the pages use neither Storage nor Edge Functions through it.
      '@supabase/storage-js': absent,
      '@supabase/functions-js': absent,
      // react-jsonschema-form names its usual validator in a part for tests. It compiles schemas to code, which the
      // Content-Security-Policy forbids; ours takes its place.
      '@rjsf/validator-ajv8': source('shared/form/validator.ts'),
    },
  },
  build: {
    target: 'es2022',
    // The largest chunk is Swagger UI, which only the page of the API loads.
    chunkSizeWarningLimit: 1800,
    // The bundler would move parts that only lazy pages share into the first file, which the sign-in page loads.
    rolldownOptions: { experimental: { chunkOptimization: { mergeCommonChunks: false } } },
  },
});
