// The part of swagger-ui-dist that ApiPage.tsx uses; the package has no types.
declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  export interface SwaggerRequest {
    url: string;
    headers: Record<string, string>;
  }

  export interface SwaggerSystem {
    preauthorizeApiKey(scheme: string, value: string): void;
    /** The React of the bundle, which is not the one of this client. */
    React: { createElement(type: unknown, props: object): unknown };
  }

  /** The properties of the component that shows a request as a command. */
  export interface CurlProps {
    request: {
      hasIn(path: string[]): boolean;
      setIn(path: string[], value: string): CurlProps['request'];
    };
  }

  type ResolveSubtree = (document: object, path: string[], options: object) => Promise<unknown>;

  function SwaggerUI(options: {
    domNode: HTMLElement;
    spec: object;
    onComplete?: () => void;
    requestInterceptor?: (request: SwaggerRequest) => SwaggerRequest | Promise<SwaggerRequest>;
    docExpansion?: 'list' | 'full' | 'none';
    filter?: boolean;
    tryItOutEnabled?: boolean;
    deepLinking?: boolean;
    displayRequestDuration?: boolean;
    defaultModelsExpandDepth?: number;
    persistAuthorization?: boolean;
    showMutatedRequest?: boolean;
    validatorUrl?: string | null;
    queryConfigEnabled?: boolean;
    plugins?: (object | ((system: SwaggerSystem) => object))[];
  }): SwaggerSystem;

  namespace SwaggerUI {
    /** The parts of Swagger UI itself. */
    const plugins: {
      SwaggerClient(system: SwaggerSystem): { fn: { resolveSubtree: ResolveSubtree } };
    };
  }

  export default SwaggerUI;
}
