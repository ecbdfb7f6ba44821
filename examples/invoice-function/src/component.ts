// Registers the component and prints the secret that signs its calls: node src/component.ts <address of your code>
import process from 'node:process';

const { STEPBASE_URL: url, STEPBASE_API_KEY: apiKey, STEPBASE_APP: app } = process.env;
const [, , endpoint] = process.argv;
if (!url || !apiKey || !endpoint) {
  throw new Error('Set STEPBASE_URL and STEPBASE_API_KEY, and name the address of your code');
}

async function post(path: string, body: object): Promise<Record<string, string>> {
  const response = await fetch(`${url}/functions/v1/stepbase-api/v1/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      ...(app ? { 'x-stepbase-app': app } : {}),
    },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Record<string, string>;
}

const component = await post('components', {
  name: 'render-invoice',
  implementation_type: 'service_task',
  endpoint,
  output_schema: { type: 'object', required: ['number', 'total', 'text'] },
});
const { secret } = await post(`components/${component.id}/rotate`, {});
console.log(secret);
