// The docs as pages of the web client: the build renders docs/ to docs/<path>.html, so that each help link works offline
// and belongs to the version that is installed.

import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Marked } from 'marked';
import type { Plugin } from 'vite';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const STYLE = fileURLToPath(new URL('docs.css', import.meta.url));
const COPIED = new Set(['.png', '.svg', '.json']);

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

/** The fragment of a heading, as GitHub makes it. */
const slug = (text: string) =>
  text
    .toLowerCase()
    .replaceAll(/<[^>]*>|[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

/** The address of a link in the rendered docs; undefined for a file outside of docs/. */
export function linkFrom(page: string, href: string): string | undefined {
  if (/^[a-z]+:|^#/i.test(href)) return href;
  const [path = '', fragment] = href.split('#');
  if (posix.normalize(posix.join(posix.dirname(page), path)).startsWith('..')) return undefined;
  const target = path.replace(/\.md$/, '.html');
  return fragment === undefined ? target : `${target}#${fragment}`;
}

function renderer(page: string): Marked {
  const marked = new Marked();
  marked.use({
    renderer: {
      link({ href, tokens }) {
        const text = this.parser.parseInline(tokens);
        const target = linkFrom(page, href);
        return target === undefined ? text : `<a href="${escaped(target)}">${text}</a>`;
      },
      heading({ tokens, depth }) {
        const text = this.parser.parseInline(tokens);
        return `<h${depth} id="${escaped(slug(text))}">${text}</h${depth}>\n`;
      },
    },
  });
  return marked;
}

/** A page of docs/ as HTML; `page` is its path with forward slashes. */
export function renderPage(page: string, markdown: string): string {
  const title = /^#\s+(.+)$/m.exec(markdown)?.[1]?.replaceAll(/[`*]/g, '') ?? 'Docs';
  const up = '../'.repeat(page.split('/').length - 1);
  const body = (renderer(page).parse(markdown) as string)
    .replaceAll('<table>', '<div class="scroll" tabindex="0"><table>')
    .replaceAll('</table>', '</table></div>')
    .replaceAll('<pre>', '<pre tabindex="0">');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)} · Stepbase docs</title>
<link rel="stylesheet" href="${up}docs.css">
</head>
<body>
<nav aria-label="Docs"><a href="${up}index.html">Stepbase docs</a></nav>
<main>
${body}</main>
</body>
</html>
`;
}

function files(): string[] {
  return readdirSync(DOCS, { recursive: true, encoding: 'utf8' }).map((path) =>
    path.replaceAll(sep, '/'),
  );
}

/** The content of docs/<path> of the built client; undefined if there is no such file. */
function contentOf(path: string): string | Buffer | undefined {
  if (path === 'docs.css') return readFileSync(STYLE);
  const file = join(DOCS, path);
  if (relative(DOCS, file).startsWith('..')) return undefined;
  try {
    if (!path.endsWith('.html')) return COPIED.has(extname(path)) ? readFileSync(file) : undefined;
    const page = path.replace(/\.html$/, '.md');
    return renderPage(page, readFileSync(join(DOCS, page), 'utf8'));
  } catch {
    return undefined;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
};

export function docs(): Plugin {
  return {
    name: 'stepbase-docs',
    configureServer(server) {
      server.middlewares.use('/docs', (request, response, next) => {
        const path = new URL(request.url ?? '/', 'http://localhost').pathname.slice(1);
        const content = contentOf(path);
        if (content === undefined) return next();
        response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
        response.end(content);
      });
    },
    generateBundle() {
      const pages = files().map((path) => path.replace(/\.md$/, '.html'));
      for (const path of [...pages, 'docs.css']) {
        const source = contentOf(path);
        if (source === undefined) continue;
        this.emitFile({ type: 'asset', fileName: `docs/${path}`, source });
      }
    },
  };
}
