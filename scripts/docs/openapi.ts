// docs/reference/openapi.json: the document that the HTTP API serves at /openapi.json.

import { openApiDocument } from '../../functions/api/openapi.ts';
import { RESOURCES } from '../../functions/api/operations.ts';

export const openApiFile = (): string => `${JSON.stringify(openApiDocument(RESOURCES), null, 2)}\n`;
