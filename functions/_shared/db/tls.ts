// TLS to the database. Hosted functions verify the certificate of the database for every value of sslmode. They do not
// know the authority of the platform that issued the pooler's certificate: DATABASE_CA adds it.

export interface DatabaseAddress {
  url: string;
  ssl?: { ca: string };
}

/** With these in the address, pg ignores the `ssl` option. */
const TLS_PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'uselibpqcompat'];

/** Line breaks may be written as \n, because many forms for secrets accept one line only. */
export function pemOf(text: string): string {
  return `${text.replaceAll('\\n', '\n').trim()}\n`;
}

/** With a certificate authority, the connection is encrypted and the server's certificate is verified. */
export function databaseAddress(url: string, ca: string | undefined): DatabaseAddress {
  if (ca === undefined) return { url };
  const address = new URL(url);
  for (const name of TLS_PARAMETERS) address.searchParams.delete(name);
  return { url: address.href, ssl: { ca } };
}
