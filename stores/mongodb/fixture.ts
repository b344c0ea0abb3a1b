import { ServiceError } from '../service.ts';
import { readServiceUrl } from '../service-url.ts';
import { withMongodb } from './client.ts';
import { MONGODB_URL } from './url.ts';

const REMEDY =
  'Remedy: docker run -d -p 127.0.0.1:27017:27017 mongo:8, and MONGODB_URL=mongodb://127.0.0.1:27017/bench';

/**
 * The MongoDB that tests use: none can be installed by a package, so it runs already.
 * @throws Error with the remedy when the variable MONGODB_URL is not set, is not the URL of one, or nothing replies there.
 */
export async function mongodbUrl(given = process.env['MONGODB_URL']): Promise<string> {
  if (given === undefined || given === '') throw new Error(`expected MONGODB_URL, got none. ${REMEDY}`);
  const read = readServiceUrl(given, MONGODB_URL);
  if ('fault' in read) {
    const { expected, got, remedy } = read.fault;
    throw new Error(`MONGODB_URL: expected ${expected}, got ${got}. ${remedy} ${REMEDY}`);
  }
  try {
    await withMongodb(read.url, async () => undefined);
    return read.url;
  } catch (cause) {
    if (!(cause instanceof ServiceError)) throw cause;
    throw new Error(`expected a MongoDB at MONGODB_URL, got: ${cause.message}. ${REMEDY}`, { cause });
  }
}
