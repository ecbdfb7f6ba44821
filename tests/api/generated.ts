// Requests that are generated from the OpenAPI document, with a seed, against an application of their own. Each answer
// must fit the document and be no server error; each operation must succeed at least once.
import fc from 'fast-check';
import { type Hints, type Style, valueFor } from './arbitrary.ts';
import { DOCUMENT, type DocumentedOperation, type Parameter } from './contract.ts';
import { type Answer, type Api, createTenant } from './support.ts';
import { type Prepared, prepare, type Values, World } from './world.ts';

export interface Summary {
  requests: number;
  /** Requests with a status of 200 to 299. */
  succeeded: number;
  /** Operations without a success. */
  without: string[];
  /** Answers that are a server error or differ from the document. */
  faults: string[];
}

interface Route extends DocumentedOperation {
  method: string;
  template: string;
}

/** Each operation; those that create come before those that delete. */
const ROUTES: Route[] = Object.entries(DOCUMENT.paths)
  .flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      template,
    })),
  )
  .sort((one, other) => Number(one.method === 'DELETE') - Number(other.method === 'DELETE'));

/**
 * Operations whose body is not JSON Schema, that need the token of a mail, or that would end the caller's access or stop
 * its runs when they are addressed at random.
 */
const ONLY_PREPARED = new Set([
  'callMcp',
  'callWebhook',
  'readTaskLink',
  'decideTaskLink',
  'completeCallback',
  'failCallback',
  'heartbeatCallback',
  'logCallback',
  'removeMember',
  'changeMemberRole',
  'deleteWorkflow',
  'archiveWorkflow',
  'deactivateApplication',
  'setIncidentSwitch',
  'deleteApplication',
  'erasePerson',
  'leaveApplication',
]);

const ofKind = (route: Route, kind: Parameter['in']) =>
  route.parameters.filter((parameter) => parameter.in === kind);

/** The path, query and body of a request; the seed decides each value. */
function generate(route: Route, style: Style, seed: number) {
  const body = route.requestBody?.content['application/json']?.schema;
  const optional = (parameter: Parameter) => {
    const value = valueFor(parameter.name, parameter.schema, style);
    if (parameter.required) return value;
    if (style.known >= 100) return fc.constant(undefined);
    return fc.oneof(
      { weight: 1, arbitrary: value },
      { weight: 3, arbitrary: fc.constant(undefined) },
    );
  };
  const shape = fc.record({
    params: fc.record(
      Object.fromEntries(
        ofKind(route, 'path').map(({ name, schema }) => [name, valueFor(name, schema, style)]),
      ),
    ),
    query: fc.record(
      Object.fromEntries(
        ofKind(route, 'query').map((parameter) => [parameter.name, optional(parameter)]),
      ),
    ),
    body: body === undefined ? fc.constant(undefined) : valueFor('', body, style),
    key: fc.option(fc.uuid(), { nil: undefined }),
  });
  const [made] = fc.sample(shape, { seed, numRuns: 1 });
  if (made === undefined) throw new Error('no request was generated');
  return made;
}

function pathOf(route: Route, params: Values, query: Values = {}): string {
  const path = route.template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    // An empty or dotted segment is another path.
    encodeURIComponent(String(params[name] ?? '').replace(/^\.*$/, 'none')),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? path : `${path}?${search}`;
}

/** Remembers the id of a created row under the name of the parameter that addresses it. */
function remember(world: World, route: Route, { status, body }: Answer): void {
  if (status !== 201 || typeof body.id !== 'string') return;
  const single = ROUTES.find(({ template, method }) => {
    const rest = template.startsWith(`${route.template}/`)
      ? template.slice(route.template.length)
      : '';
    return method === 'GET' && /^\/\{\w+\}$/.test(rest);
  });
  const name = /\{(\w+)\}$/.exec(single?.template ?? '')?.[1];
  if (name !== undefined) world.add(name, body.id);
  if (route.operationId === 'startRun' || route.operationId === 'rerunRun')
    world.add('run_id', body.id);
  if (route.operationId === 'createWebhook') world.add('trigger_id', body.id);
}

export async function sendGenerated(
  api: Api,
  { requests, seed }: { requests: number; seed: number },
): Promise<Summary> {
  const world = new World(api, await createTenant('generated'));
  const preparations = await prepare(world);
  const hints: Hints = (name) => world.pools.get(name);
  const reached = new Set<string>();
  const summary: Summary = { requests: 0, succeeded: 0, without: [], faults: [] };

  async function send(route: Route, number: number, isFirst: boolean): Promise<void> {
    const id = route.operationId;
    const style: Style = { hints, known: isFirst ? 100 : 85 };
    const made = generate(route, style, seed + number);
    const isBound = isFirst || ONLY_PREPARED.has(id);
    const given: Prepared = isBound ? ((await preparations[id]?.()) ?? {}) : {};
    const path = pathOf(route, { ...made.params, ...given.params }, isFirst ? {} : made.query);
    const body = 'body' in given ? given.body : made.body;
    const headers = {
      accept: 'application/json',
      ...(made.key === undefined || route.method !== 'POST' ? {} : { 'idempotency-key': made.key }),
      ...given.headers,
    };
    summary.requests += 1;
    try {
      const answer = await world.send(
        route.method,
        path,
        route.method === 'GET' ? undefined : body,
        headers,
      );
      const { status } = answer;
      if (status >= 500)
        summary.faults.push(
          `${id} ${path} ${JSON.stringify(body)}: ${status} ${JSON.stringify(answer.body)}`,
        );
      if (status >= 200 && status < 300) {
        summary.succeeded += 1;
        reached.add(id);
        remember(world, route, answer);
      }
    } catch (error) {
      summary.faults.push(`${route.method} ${path} ${JSON.stringify(body)}: ${String(error)}`);
    }
  }

  for (let number = 0; number < requests; number += 1) {
    const route = ROUTES[number % ROUTES.length];
    if (route === undefined) break;
    await send(route, number, !reached.has(route.operationId));
  }
  summary.without = ROUTES.map(({ operationId }) => operationId).filter((id) => !reached.has(id));
  return summary;
}
