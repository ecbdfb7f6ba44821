// Reads the keys of a canvas from the installed @xyflow/react, with the compiler.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
const OPTIONS = [
  ...['--ignoreConfig', '--declaration', '--emitDeclarationOnly', '--strict', '--skipLibCheck'],
  ...['--target', 'es2024', '--module', 'nodenext', '--types', ''],
];

export type CanvasPart = 'definition' | 'node' | 'edge';
export type CanvasTypes = Readonly<Record<CanvasPart, readonly string[]>>;

/** The keys that the types of @xyflow/react have, of the result of toObject(), of a node and of an edge, by name. */
export async function readCanvasTypes(): Promise<CanvasTypes> {
  const folder = await mkdtemp(join(tmpdir(), 'canvas-keys-'));
  try {
    const source = join(FOLDER, 'types.ts');
    await promisify(execFile)(process.execPath, [TSC, ...OPTIONS, '--outDir', folder, source], {
      timeout: 120_000,
    });
    const declared = await readFile(join(folder, 'types.d.ts'), 'utf8');
    const keysOf = (part: CanvasPart) => {
      const [, body] = new RegExp(`const ${part}: \\{([^}]*)\\}`).exec(declared) ?? [];
      const found = [...(body ?? '').matchAll(/^\s*"?([\w-]+)"?: true;$/gm)].map(
        ([, key = '']) => key,
      );
      if (found.length === 0) throw new Error(`the compiler lists no keys of a canvas's ${part}`);
      return found.sort();
    };
    return { definition: keysOf('definition'), node: keysOf('node'), edge: keysOf('edge') };
  } finally {
    await rm(folder, { recursive: true });
  }
}
