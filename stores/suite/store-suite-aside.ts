import { describe } from 'vitest';
import { describeStore, type SuiteSubject } from './store-suite.ts';

/**
 * The suite for one of several subjects of a file, beside the others: each waits for windows to end. Its own
 * tests stay one after the other. Each needs a service of its own: on one that all share, calls came too late.
 */
export function describeStoreAside(title: string, subject: SuiteSubject): void {
  describe.concurrent(title, () => {
    describe.sequential('in turn', () => describeStore(title, subject));
  });
}
