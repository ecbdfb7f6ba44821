// Addresses of docs pages: the build renders docs/ and the client links to its own copy, which also works offline.

/** `path`: a file below docs/ without extension, such as `guides/find-runs`. */
export const docsUrl = (path: string): string => `/docs/${path}.html`;
