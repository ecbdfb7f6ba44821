// Compressed files of the web client. A file is compressed once, when it is first asked for, and kept in memory: the
// names of built files have a hash, so their content never changes.

import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const ENCODINGS = ['br', 'gzip'] as const;
type Encoding = (typeof ENCODINGS)[number];

const TEXT = /^(text\/|application\/(json|javascript|manifest\+json)|image\/svg)/;
/** A smaller file is one packet either way. */
const SMALLEST = 1_024;

/** Quality 5 of Brotli takes the time of gzip and gives smaller files. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };

const compress: Record<Encoding, (bytes: Buffer) => Promise<Buffer>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, BROTLI),
  gzip: (bytes) => promisify(gzip)(bytes),
};

/** The best encoding that the client accepts; undefined: none. */
export function encodingFor(
  accepted: string | undefined,
  type: string,
  size: number,
): Encoding | undefined {
  if (size < SMALLEST || !TEXT.test(type)) return undefined;
  const offers = (accepted ?? '').split(',').map((offer) => offer.trim());
  return ENCODINGS.find((name) =>
    offers.some((offer) => new RegExp(`^${name}(;\\s*q=(?!0(\\.0*)?$).*)?$`).test(offer)),
  );
}

export class CompressedFiles {
  readonly #files = new Map<string, Promise<Buffer>>();

  /** The content of a file of a build, in an encoding. */
  read(file: string, encoding: Encoding): Promise<Buffer> {
    const key = `${encoding} ${file}`;
    const known = this.#files.get(key);
    if (known) return known;
    const made = readFile(file).then((bytes) => compress[encoding](bytes));
    this.#files.set(key, made);
    made.catch(() => this.#files.delete(key));
    return made;
  }
}
