// The interactive page of the HTTP API: Swagger UI on the document that the API serves. It sends requests as the
// signed-in user. The router loads this module on demand, because Swagger UI is larger than the rest of the client.
import { Anchor } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import 'swagger-ui-dist/swagger-ui.css';
import SwaggerUI, {
  type CurlProps,
  type SwaggerSystem,
} from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import { accessToken } from '../shared/auth.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { httpApiUrl } from '../shared/supabase.ts';
import './api.css';
import { type OpenApiDocument, readDocument } from './document.ts';
import { neededFor } from './needed.ts';
import { useDarkMode } from './use-dark-mode.ts';

/** The command to copy has a placeholder for the token. */
const withoutToken = {
  wrapComponents: {
    curl:
      (Curl: unknown, { React }: SwaggerSystem) =>
      (props: CurlProps) => {
        const { request } = props;
        const header = ['headers', 'Authorization'];
        const shown = request.hasIn(header) ? request.setIn(header, 'Bearer <token>') : request;
        return React.createElement(Curl, { ...props, request: shown });
      },
  },
};

/** An operation is resolved from the part of the document that it needs. */
function withSmallDocuments(system: SwaggerSystem) {
  const { fn } = SwaggerUI.plugins.SwaggerClient(system);
  return {
    fn: {
      resolveSubtree: (document: object, path: string[], options: object) =>
        fn.resolveSubtree(neededFor(document as Record<string, unknown>, path), path, options),
    },
  };
}

/** Swagger UI calls the part with the operations a main part, and the page has one. Returns what ends it. */
function withoutMain(node: HTMLElement): () => void {
  const observer = new MutationObserver(() => {
    for (const part of node.querySelectorAll('main:not([role])')) {
      part.setAttribute('role', 'presentation');
    }
  });
  observer.observe(node, { childList: true, subtree: true });
  return () => observer.disconnect();
}

/** The token is in the memory of the page only: no storage, no address, no element. */
async function show(domNode: HTMLElement, spec: OpenApiDocument): Promise<void> {
  const prefilled = (await accessToken()) ?? '';
  const ui = SwaggerUI({
    domNode,
    spec,
    onComplete: () => ui.preauthorizeApiKey('bearer', prefilled),
    // Auth renews the token while the page is open. A key that the user has entered stays.
    requestInterceptor: async (request) => {
      const { Authorization: sent } = request.headers;
      if (sent === `Bearer ${prefilled}`) {
        request.headers.Authorization = `Bearer ${(await accessToken()) ?? ''}`;
      }
      return request;
    },
    docExpansion: 'none',
    filter: true,
    tryItOutEnabled: true,
    // The fragment of the address is the route of the client.
    deepLinking: false,
    queryConfigEnabled: false,
    displayRequestDuration: true,
    defaultModelsExpandDepth: -1,
    persistAuthorization: false,
    showMutatedRequest: false,
    validatorUrl: null,
    plugins: [withoutToken, withSmallDocuments],
  });
}

export default function ApiPage() {
  const container = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<'loading' | 'ready' | Error>('loading');
  const [attempt, setAttempt] = useState(0);
  useDarkMode();

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt reads the document again
  useEffect(() => {
    setState('loading');
    const stopped = new AbortController();
    const node = document.createElement('div');
    container.current?.append(node);
    const end = withoutMain(node);
    readDocument(stopped.signal)
      .then((document) => (stopped.signal.aborted ? undefined : show(node, document)))
      .then(() => setState('ready'))
      .catch((error: Error) => {
        if (!stopped.signal.aborted) setState(error);
      });
    return () => {
      stopped.abort();
      end();
      node.remove();
    };
  }, [attempt]);

  return (
    <div className="api-page">
      <PageHeader
        title="HTTP API"
        help="reference/http-api"
        actions={<Anchor href={`${httpApiUrl}/openapi.json`}>OpenAPI document</Anchor>}
      >
        This page sends requests as you, in your active application. Choose Authorize to use an API
        key instead.
      </PageHeader>
      {state === 'loading' && <LoadingState />}
      {state instanceof Error && <ErrorState error={state} retry={() => setAttempt(attempt + 1)} />}
      <div className="api-card" ref={container} hidden={state !== 'ready'} />
    </div>
  );
}
