// The OpenAPI document of the HTTP API in use, with the address of this project as its only server.
import { httpApiUrl } from '../shared/supabase.ts';

export interface OpenApiDocument {
  openapi: string;
  servers?: { url: string }[];
}

/** Throws if the API does not answer with a document. */
export async function readDocument(signal: AbortSignal): Promise<OpenApiDocument> {
  const response = await fetch(`${httpApiUrl}/openapi.json`, { signal });
  if (!response.ok) throw new Error(`The HTTP API answered with status ${response.status}.`);
  const document = (await response.json()) as OpenApiDocument;
  return { ...document, servers: [{ url: httpApiUrl }] };
}
