import type { LoadJob } from './job.ts';
import { logInMany, logOutMany } from './population.ts';

/** Users whose sessions are left to expire, and those who log out before, begin here: nobody else has their numbers. */
const FIRST_EXPIRING_USER = 3_000_000;
const FIRST_CHURNED_USER = 4_000_000;

/** Logs the job's churned users in, and then all of them out, so that the store has held their sessions. */
export async function logInAndOut(job: LoadJob): Promise<void> {
  const { churned = 0 } = job.expiring ?? {};
  await logOutMany(job, await logInMany(job, FIRST_CHURNED_USER, churned));
}

/** Makes the sessions that are left to expire. Nobody uses them. */
export async function logInToExpire(job: LoadJob): Promise<void> {
  await logInMany(job, FIRST_EXPIRING_USER, job.expiring?.sessions ?? 0);
}
