import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeListedLogins } from '../suite/listed-logins.ts';
import { runModel } from '../suite/model-run.ts';
import { printSeed } from '../suite/seed.ts';
import { describeStore } from '../suite/store-suite.ts';
import { mongodb } from './backend.ts';
import { mongodbUrl } from './fixture.ts';

/** Needs a MongoDB: run with SESSION_BENCH_MONGODB=1 and MONGODB_URL. */

const subject = { definition: mongodb, serviceUrl: mongodbUrl };

describeStore('mongodb', subject);
describeStore('mongodb, durability commit', { ...subject, durability: 'commit' });
describeStore('mongodb, write=lww', { ...subject, options: { write: 'lww' } });

describeListedLogins('on MongoDB', subject);

const seed = printSeed('model of mongodb');
test.each([{ write: 'cas' }, { write: 'lww' }])('%j does what the model does', async (options) => {
  const model = { definition: mongodb, options, serviceUrl: await mongodbUrl() };
  const details = await runModel(model, { seed, runs: 50 });
  expect(details.failed, fc.defaultReportMessage(details)).toBe(false);
});
