// Build of the web client; the stack serves the result with its address in config.js.
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { docs } from './build/docs.ts';

export default defineConfig({
  plugins: [react(), docs()],
  resolve: {
    alias: {
      // react-jsonschema-form names its usual validator in a part for tests. It compiles schemas to code, which the
      // Content-Security-Policy forbids; ours takes its place.
      '@rjsf/validator-ajv8': fileURLToPath(
        new URL('src/shared/form/validator.ts', import.meta.url),
      ),
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
