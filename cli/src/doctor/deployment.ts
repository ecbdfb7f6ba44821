// What an installation is compared with: the version and the migrations of this package or checkout.

export interface Migration {
  /** The number at the beginning of the file's name. */
  version: string;
  /** The name of the file. */
  name: string;
}

export interface Expected {
  version: string;
  migrations: readonly Migration[];
  /** How to deploy the functions, for people. */
  deploy: string;
}
