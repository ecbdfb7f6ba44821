// Build of the web client; the stack serves the result with its address written into the page.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // The largest chunk is Swagger UI, which only the page of the API loads.
  build: { target: 'es2022', chunkSizeWarningLimit: 1800 },
});
