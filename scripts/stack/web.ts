// The web client: Vite builds it once per content; it is served as static files, with the address and publishable key
// of the stack in config.js.

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { glob, mkdir, readdir, readFile, rename, rm, utimes } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { coverageFolders } from '../coverage/folders.ts';
import { Child } from './child.ts';
import { CompressedFiles, encodingFor } from './compression.ts';
import { closeServer, listen } from './http.ts';
import { ROOT, StackError } from './options.ts';
import { webHeaders } from './web-headers.ts';

const WEB = join(ROOT, 'web');
const CACHE = join(ROOT, 'node_modules', '.cache', 'stepbase', 'web');
const BUILD_DEADLINE_MS = 120_000;
const KEPT_BUILDS = 3;
/** A stack that still runs may serve a build that is younger. */
const IN_USE_MS = 6 * 3_600_000;
/** `npm run coverage` maps the executed code of the bundle to the sources. */
const SOURCE_MAP = coverageFolders() ? ['--sourcemap', 'inline'] : [];

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};

export const webExists = (): boolean => existsSync(join(WEB, 'index.html'));

/** The files on which a build depends. */
async function fingerprint(): Promise<string> {
  const files: string[] = ['package-lock.json'];
  for await (const file of glob('{web,docs,types,sdk/src}/**/*', {
    cwd: ROOT,
    exclude: (name) => name === 'dist' || name === 'node_modules',
  })) {
    if (statSync(join(ROOT, file)).isFile()) files.push(file);
  }
  const hash = createHash('sha256').update(SOURCE_MAP.join(' '));
  for (const file of files.sort()) {
    hash.update(file).update('\0');
    hash.update(await readFile(join(ROOT, file)));
  }
  return hash.digest('hex').slice(0, 20);
}

/** The folder with the build of the current sources. */
export async function buildWeb(logFile: string): Promise<string> {
  const target = join(CACHE, await fingerprint());
  if (existsSync(join(target, 'index.html'))) {
    await utimes(target, new Date(), new Date());
    return target;
  }
  const partial = `${target}.${process.pid}`;
  await mkdir(CACHE, { recursive: true });
  const lines: string[] = [];
  const child = await Child.start({
    command: process.execPath,
    args: [
      join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js'),
      'build',
      WEB,
      '--outDir',
      partial,
      '--emptyOutDir',
      ...SOURCE_MAP,
      '--logLevel',
      'warn',
    ],
    env: { ...process.env, NO_COLOR: '1', NODE_ENV: 'production' },
    cwd: ROOT,
    logFile,
    onLine: (line) => lines.push(line),
    stopSignal: 'SIGTERM',
  });
  const deadline = setTimeout(() => child.kill(), BUILD_DEADLINE_MS);
  const { code } = await child.exited;
  clearTimeout(deadline);
  await child.outputRead;
  if (code !== 0) {
    await rm(partial, { recursive: true, force: true });
    throw new StackError(`Building web/ failed:\n${lines.join('\n').slice(-2000)}`);
  }
  // Two stacks may build concurrently; the second uses the result of the first.
  await rename(partial, target).catch(() => rm(partial, { recursive: true, force: true }));
  await dropOldBuilds();
  return target;
}

async function dropOldBuilds(): Promise<void> {
  const builds = (await readdir(CACHE)).filter((name) => !name.includes('.'));
  const byAge = builds
    .map((name) => ({
      name,
      at: statSync(join(CACHE, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }))
    .sort((a, b) => b.at - a.at);
  for (const { name, at } of byAge.slice(KEPT_BUILDS)) {
    if (Date.now() - at < IN_USE_MS) continue;
    await rm(join(CACHE, name), { recursive: true, force: true });
  }
}

export interface WebServer {
  stop(): Promise<void>;
}

export async function startWeb(options: {
  port: number;
  folder: string;
  apiUrl: string;
  publishableKey: string;
}): Promise<WebServer> {
  const { port, folder } = options;
  const config = JSON.stringify({
    api_url: options.apiUrl,
    publishable_key: options.publishableKey,
  });
  const page = await readFile(join(folder, 'index.html'), 'utf8');
  const headers = Object.entries(webHeaders(options.apiUrl));
  const compressed = new CompressedFiles();

  const send = (response: ServerResponse, type: string, body: string) => {
    response.writeHead(200, { 'content-type': TYPES[type], 'cache-control': 'no-store' }).end(body);
  };

  const server = createServer((request, response) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405).end();
      return;
    }
    let path: string;
    try {
      path = normalize(decodeURIComponent(new URL(request.url ?? '/', options.apiUrl).pathname));
    } catch {
      response.writeHead(400).end();
      return;
    }
    if (path === '/config.js') {
      send(response, '.js', `window.__STEPBASE__=${config}`);
      return;
    }
    const file = join(folder, path);
    const type = TYPES[extname(file)];
    const stat = file.startsWith(`${folder}/`)
      ? statSync(file, { throwIfNoEntry: false })
      : undefined;
    if (!type || !stat?.isFile() || path === '/index.html') {
      // The page is the response for paths of the client's router, but not for a missing file of the build.
      if (extname(path) === '' || path === '/index.html') send(response, '.html', page);
      else response.writeHead(404).end();
      return;
    }
    // Vite puts a content hash into the names of the files in assets/.
    const isImmutable = path.startsWith('/assets/');
    const fileHeaders = {
      'content-type': type,
      'cache-control': isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      vary: 'accept-encoding',
    };
    const encoding = encodingFor(request.headers['accept-encoding']?.toString(), type, stat.size);
    if (isImmutable && encoding) {
      compressed.read(file, encoding).then(
        (bytes) => {
          response.writeHead(200, {
            ...fileHeaders,
            'content-encoding': encoding,
            'content-length': bytes.length,
          });
          response.end(bytes);
        },
        () => response.writeHead(500).end(),
      );
      return;
    }
    response.writeHead(200, { ...fileHeaders, 'content-length': stat.size });
    createReadStream(file).pipe(response);
  });
  await listen(server, port);
  return { stop: () => closeServer(server) };
}
