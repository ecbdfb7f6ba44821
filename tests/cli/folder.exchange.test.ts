// A folder is an application: the workflows of a folder are compared, pushed, pulled, published and promoted, and changes
// of a canvas are never overwritten without a word.
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { asPerson, sql } from '../api/support.ts';
import { atFileEnd } from '../support/file-end.ts';
import { stackInfo } from '../support/stack.ts';
import { createFolder, type Folder, type Tenant, tenantWithKey } from './support.ts';

const { api_url: url } = stackInfo();

const ORDER = `import { defineWorkflow, expr } from 'stepbase/workflow';
import { z } from 'zod';

// A comment of the author.
export const total = defineWorkflow('order-total', { input: z.object({ price: z.number() }) }, (w) => {
  w.transform('sum', { expression: expr\`\${w.input.price} * 2\` });
});
`;
const OUTPUT = { type: 'object', properties: { one: { type: 'number' } }, required: ['one'] };
const CHILD = JSON.stringify({
  description: 'Adds one',
  output_schema: OUTPUT,
  definition: {
    nodes: [
      {
        id: 'one',
        type: 'transform',
        position: { x: 0, y: 0 },
        selected: true,
        data: { config: { expression: '1 + 1' } },
      },
    ],
    edges: [],
  },
});

let staging: Tenant;
let production: Tenant;
let folder: Folder;
beforeAll(async () => {
  [staging, production] = await Promise.all([
    tenantWithKey('staging'),
    tenantWithKey('production'),
  ]);
  folder = createFolder();
});

/** Another member saves the draft, as the canvas does. */
async function saveOnCanvas(tenant: Tenant, name: string, expression: string): Promise<void> {
  const node = {
    id: 'sum',
    type: 'transform',
    position: { x: 0, y: 0 },
    data: { config: { expression } },
  };
  const schema = { type: 'object', properties: { price: { type: 'number' } }, required: ['price'] };
  await asPerson(
    tenant.admin,
    'select id from stepbase.save_workflow(kebab_name => $1, definition => $2, input_schema => $3)',
    [name, JSON.stringify({ nodes: [node], edges: [] }), JSON.stringify(schema)],
  );
}

interface Stored {
  status: string;
  version: number;
  expression: string;
}

const versions = (tenant: Tenant, name: string): Promise<Stored[]> =>
  sql<Stored & Record<string, unknown>>(
    `select v.status, v.version, v.definition #>> '{nodes,0,data,config,expression}' as expression
     from stepbase.workflow_versions v join stepbase.workflows w on w.id = v.workflow_id
     where w.app_code = $1 and w.kebab_name = $2 order by v.version`,
    [tenant.app_code, name],
  );

const statuses = (json: { workflows: { workflow: string; status: string }[] }) =>
  Object.fromEntries(json.workflows.map(({ workflow, status }) => [workflow, status]));

describe('a link', () => {
  it('is required, and is named with its application', async () => {
    const unlinked = await folder.stepbase('diff --json');
    expect([unlinked.exit, unlinked.error.code]).toEqual([2, 'not_linked']);
    for (const [name, tenant] of Object.entries({ staging, production })) {
      const linked = await folder.stepbase(`link ${name} --url ${url} --app ${tenant.app_code}`);
      expect([linked.exit, linked.stderr]).toEqual([0, '']);
    }
    expect(JSON.parse(folder.read('stepbase/config.json'))).toEqual({
      links: {
        staging: { url, app: staging.app_code },
        production: { url, app: production.app_code },
      },
    });
    const unknown = await folder.stepbase('diff --link test --json');
    expect([unknown.exit, unknown.error.code]).toEqual([2, 'unknown_link']);
    const noKey = await folder.stepbase('whoami --link staging --json');
    expect([noKey.exit, noKey.error.code]).toEqual([2, 'no_key']);
  });

  it('has a key that only the user can read, outside of the project', async () => {
    const login = await folder.piped(`${staging.key}\n`, 'login --link staging --json');
    expect([login.exit, login.json.app]).toEqual([0, staging.app_code]);
    expect(login.json.path).toBe(join(folder.path, '.config/stepbase/credentials.json'));
    expect(statSync(login.json.path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder.path, '.config/stepbase')).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(join(folder.path, 'stepbase'))) {
      expect(folder.read(`stepbase/${file}`)).not.toContain(staging.key);
    }
    const foreign = await folder.piped(staging.key, 'login --link production --json');
    expect([foreign.exit, foreign.error.code]).toEqual([2, 'wrong_application']);
    const wrong = await folder.piped('sbk_wrong', 'login --link production --json');
    expect([wrong.exit, wrong.error.code]).toEqual([4, 'not_authenticated']);
    expect((await folder.piped(production.key, 'login --link production')).exit).toBe(0);
    // A link without an application gets that of the key.
    expect((await folder.stepbase(`link third --url ${url}/`)).exit).toBe(0);
    expect((await folder.piped(staging.key, 'login --link third')).exit).toBe(0);
    const { links } = JSON.parse(folder.read('stepbase/config.json'));
    expect(links.third).toEqual({ url, app: staging.app_code });
    expect((await folder.stepbase('whoami --link third')).exit).toBe(0);
    expect((await folder.stepbase('logout --link third')).stdout).toMatch(/^Deleted the key/);
    expect((await folder.piped(staging.key, 'login --link staging')).exit).toBe(0);
    const who = await folder.stepbase('whoami --link staging --json');
    expect(who.json).toMatchObject({ link: 'staging', app_code: staging.app_code });
    // The secret key of the project, for the application of the link.
    const secret = stackInfo().secret_key;
    const bare = createFolder();
    const nameless = await bare.piped(secret, `login --url ${url} --json`);
    expect([nameless.exit, nameless.error.code]).toEqual([2, 'no_application']);
    const nowhere = await bare.piped(secret, 'login --app nowhere --json');
    expect([nowhere.exit, nowhere.error.code]).toEqual([2, 'unknown_application']);
    expect((await bare.stepbase('validate')).stdout).toContain('nothing to check');
    folder.env = { STEPBASE_API_KEY: secret, STEPBASE_LINK: 'production' };
    const asProject = await folder.stepbase('whoami --json');
    expect(asProject.json).toMatchObject({ app_code: production.app_code, api_key_id: null });
    folder.env = { STEPBASE_LINK: 'staging' };
  });
});

describe('the folder', () => {
  it('needs a package of modules, and says how to make it one', async () => {
    const scripts = createFolder();
    scripts.write('package.json', '{ "private": true, "type": "commonjs" }');
    scripts.write('stepbase/workflows/order.ts', ORDER);
    const { exit, json } = await scripts.stepbase('validate --local --json');
    expect([exit, json.files[0]?.code]).toEqual([1, 'import_failed']);
    expect(json.files[0]?.hint).toContain('npm pkg set type=module');
  });

  it('is checked: first its files, then its definitions by the server', async () => {
    folder.write('stepbase/workflows/order.ts', ORDER);
    folder.write('stepbase/workflows/child.json', CHILD);
    expect(await folder.stepbase('validate --json')).toMatchObject({
      exit: 0,
      json: { valid: true },
    });
    folder.write('stepbase/workflows/bad.ts', ORDER.replace('order-total', 'Order total'));
    folder.write('stepbase/workflows/broken.json', '{');
    folder.write('stepbase/workflows/none.ts', 'export const nothing = 1;');
    folder.write('stepbase/workflows/twin.ts', `export { total } from './order.ts';`);
    folder.write('stepbase/workflows/missing.ts', `import 'no-such-package';`);
    folder.write(
      'stepbase/workflows/loose.json',
      '{"nodes": [{"id": "a", "type": "transform"}], "edges": [{"id": "e", "source": "a", "target": "b"}]}',
    );
    const local = await folder.stepbase('validate --local --json');
    expect(local.exit).toBe(1);
    expect(local.json.files.map((one) => one.code)).toEqual([
      'invalid_request',
      'invalid_json',
      'module_not_found',
      'no_workflow',
      'unknown_node',
      'duplicate_workflow',
    ]);
    const refused = await folder.stepbase('push --json');
    expect([refused.exit, refused.error.code]).toEqual([2, 'invalid_request']);
    for (const name of [
      'bad.ts',
      'broken.json',
      'none.ts',
      'twin.ts',
      'missing.ts',
      'loose.json',
    ]) {
      rmSync(join(folder.path, 'stepbase/workflows', name));
    }
    folder.write('stepbase/workflows/child.json', CHILD.replace('1 + 1', '1 +'));
    const faulty = await folder.stepbase('validate child --json');
    expect(faulty.exit).toBe(1);
    expect(faulty.json.workflows[0]?.faults[0]).toMatchObject({ node: 'one', severity: 'error' });
    const text = await folder.stepbase('validate child');
    expect(text.stdout).toMatch(/^child {2}one \/nodes\/0\/data\/config\/expression\n {2}error: /);
  });

  it('is published as a whole, or not at all', async () => {
    for (const action of ['saved', 'unchanged']) {
      const refused = await folder.stepbase('push --publish --json');
      expect(refused).toMatchObject({ exit: 1, json: { published: false } });
      expect(refused.json.workflows.map((one) => one.action)).toEqual([action, action]);
    }
    expect((await versions(staging, 'order-total')).map(({ status }) => status)).toEqual(['draft']);
    folder.write('stepbase/workflows/child.json', CHILD);
    expect(statuses((await folder.stepbase('diff --json')).json)).toEqual({
      child: 'changed',
      'order-total': 'equal',
    });
    const pushed = await folder.stepbase('push --publish --json');
    expect([pushed.exit, pushed.json.published]).toEqual([0, true]);
    expect((await versions(staging, 'order-total')).map(({ status }) => status)).toEqual([
      'published',
    ]);
    const equal = await folder.stepbase('diff --json');
    expect([equal.exit, equal.json.equal]).toEqual([0, true]);
    const again = await folder.stepbase('push --publish');
    expect(again.stdout.match(/is unchanged in 1/g)).toHaveLength(2);
    expect(await versions(staging, 'child')).toHaveLength(1);
  });

  it('shows a change of the canvas, and does not overwrite it', async () => {
    await saveOnCanvas(staging, 'order-total', 'input.price * 3');
    const diff = await folder.stepbase('diff');
    expect(diff.exit).toBe(1);
    expect(diff.stdout).toContain('differs from draft 2  changed in the database, too');
    expect(diff.stdout).toContain(
      '~ node sum  data.config.expression: "input.price * 3" → "input.price * 2"',
    );
    const { json } = await folder.stepbase('diff order-total --published --json');
    expect(json.equal).toBe(true);
    for (const line of ['push --json', 'publish --json']) {
      const refused = await folder.stepbase(line);
      expect([line, refused.exit, refused.error.code]).toEqual([line, 3, 'drift']);
    }
    expect((await folder.stepbase('push')).stderr).toContain('~ node sum');
    expect((await versions(staging, 'order-total')).at(-1)).toMatchObject({
      expression: 'input.price * 3',
    });

    // The file is as it was pushed, so the change of the canvas replaces it.
    const pulled = await folder.stepbase('pull order-total --json');
    expect(pulled.json.workflows).toEqual([
      { workflow: 'order-total', action: 'written', file: 'stepbase/workflows/order.ts' },
    ]);
    expect(folder.read('stepbase/workflows/order.ts')).toContain('input.price} * 3');
    expect((await folder.stepbase('diff')).exit).toBe(0);
  });

  it('keeps a change of a file until it is pushed', async () => {
    folder.write('stepbase/workflows/order.ts', ORDER.replace('* 2', '* 4'));
    const pull = await folder.stepbase('pull --json');
    expect([pull.exit, pull.error.code]).toEqual([3, 'drift']);
    expect(folder.read('stepbase/workflows/order.ts')).toContain('// A comment of the author.');
    const plan = await folder.stepbase('push --dry-run --json');
    expect(statuses(plan.json)).toEqual({ child: 'equal', 'order-total': 'changed' });
    expect((await versions(staging, 'order-total')).at(-1)?.expression).toBe('input.price * 3');
    expect((await folder.stepbase('push')).stdout).toContain('order-total  saved as draft 2');
    const published = await folder.stepbase('publish');
    expect(published.stdout).toContain('order-total  published as version 2');
    expect(published.stdout).toContain('child  has no draft; version 1 is published');
  });

  it('is promoted by the same command with another link', async () => {
    expect(await folder.stepbase('diff --link production')).toMatchObject({ exit: 1 });
    expect((await folder.stepbase('push --link production --publish')).exit).toBe(0);
    expect(await versions(production, 'order-total')).toEqual([
      { status: 'published', version: 1, expression: 'input.price * 4' },
    ]);
    expect((await folder.stepbase('diff --link production')).exit).toBe(0);
    // A draft in production that git does not know stops a pipeline, which has no memory of the link.
    await saveOnCanvas(production, 'order-total', 'input.price * 5');
    const pipeline = createFolder();
    pipeline.write('stepbase/workflows/order.ts', ORDER);
    pipeline.env = { STEPBASE_URL: url, STEPBASE_API_KEY: production.key };
    const stopped = await pipeline.stepbase('push --publish --json');
    expect([stopped.exit, stopped.error.code]).toEqual([3, 'drift']);
    const forced = await pipeline.stepbase('push --publish --force --json');
    expect(forced.json.workflows).toMatchObject([{ action: 'published', version: 2 }]);
    pipeline.env = {
      STEPBASE_URL: url,
      STEPBASE_API_KEY: staging.key,
      STEPBASE_APP: production.app_code,
    };
    expect((await pipeline.stepbase('push --json')).error.code).toBe('wrong_application');
  });

  it('does not bring back a workflow that someone deleted', async () => {
    await asPerson(
      staging.admin,
      `update stepbase.workflows set deleted_at = now() where kebab_name = 'child' returning 1`,
    );
    expect((await folder.stepbase('diff child')).stdout).toBe(
      'child  only in git (stepbase/workflows/child.json)  deleted in the database\n',
    );
    expect((await folder.stepbase('push --json')).error.code).toBe('drift');
    expect((await folder.stepbase('push child --force')).stdout).toContain(
      'child  saved as draft 2',
    );
    expect((await folder.stepbase('publish child')).exit).toBe(0);
  });

  it('is written from the database, in each format', async () => {
    const fresh = createFolder();
    fresh.env = { STEPBASE_URL: url, STEPBASE_API_KEY: staging.key };
    expect((await fresh.stepbase('pull order-total')).exit).toBe(0);
    const rest = await fresh.stepbase('pull --format json --json');
    expect(rest.json.workflows.map((one) => one.action).sort()).toEqual(['unchanged', 'written']);
    expect(JSON.parse(fresh.read('stepbase/workflows/child.json'))).toMatchObject({
      kebab_name: 'child',
      description: 'Adds one',
      input_schema: null,
      output_schema: OUTPUT,
    });
    expect(fresh.read('stepbase/.state/.gitignore')).toBe('*\n');
    const equal = await fresh.stepbase('diff --json');
    expect(equal).toMatchObject({
      exit: 0,
      stderr: '',
      json: { equal: true, workflows: { length: 2 } },
    });
    expect((await fresh.stepbase('pull nothing --json')).error.code).toBe('unknown_workflow');
    expect(existsSync(join(fresh.path, 'stepbase/workflows/nothing.ts'))).toBe(false);
  });
});

describe('a push while a colleague saves', () => {
  /** The API of the stack, where the colleague saves just before the next draft of this folder arrives. */
  async function slowApi(save: () => Promise<void>): Promise<string> {
    let isNext = true;
    const server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      if (isNext && request.method === 'POST' && request.url?.endsWith('/draft')) {
        isNext = false;
        await save();
      }
      const { authorization, 'content-type': type, 'if-match': match } = request.headers;
      const none = request.headers['if-none-match'];
      const answer = await fetch(`${url}${request.url}`, {
        method: request.method ?? 'GET',
        headers: {
          ...(authorization ? { authorization } : {}),
          ...(type ? { 'content-type': type } : {}),
          ...(match ? { 'if-match': match } : {}),
          ...(none ? { 'if-none-match': none } : {}),
        },
        ...(parts.length > 0 ? { body: Buffer.concat(parts) } : {}),
      });
      const etag = answer.headers.get('etag');
      response.writeHead(answer.status, {
        'content-type': answer.headers.get('content-type') ?? 'application/json',
        ...(etag === null ? {} : { etag }),
      });
      response.end(await answer.text());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    atFileEnd(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each(['a draft', 'no draft'])(
    'of a workflow with %s leaves the draft of the colleague',
    async (kind) => {
      const tenant = await tenantWithKey('colleague');
      const own = createFolder();
      own.env = { STEPBASE_API_KEY: tenant.key };
      own.write('stepbase/workflows/order.ts', ORDER);
      const slow = await slowApi(() => saveOnCanvas(tenant, 'order-total', 'input.price * 7'));
      expect((await own.stepbase(`link fast --url ${url} --app ${tenant.app_code}`)).exit).toBe(0);
      expect((await own.stepbase(`link slow --url ${slow} --app ${tenant.app_code}`)).exit).toBe(0);
      const isPublished = kind === 'no draft';
      const first = await own.stepbase(`push --link fast --json${isPublished ? ' --publish' : ''}`);
      expect([first.exit, first.stderr]).toEqual([0, '']);
      own.write('stepbase/workflows/order.ts', ORDER.replace('* 2', '* 3'));
      const late = await own.stepbase('push --link slow --json --force');
      expect([late.exit, late.error.code]).toEqual([3, 'drift']);
      expect((await versions(tenant, 'order-total')).at(-1)).toMatchObject({
        status: 'draft',
        expression: 'input.price * 7',
      });
      // The next comparison shows it.
      const next = await own.stepbase('push --link fast --json');
      expect([next.exit, next.error.code]).toEqual([3, 'drift']);
    },
  );
});
