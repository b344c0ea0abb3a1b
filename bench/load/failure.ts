import { summarize } from '../stats/histogram.ts';
import { auditOf } from './failure-audit.ts';
import { prepareClients } from './failure-clients.ts';
import type { LoadJob, LoadResult, SecondCounts, SliceResult } from './job.ts';
import { loadResultOf } from './load-result.ts';
import { createSliceLoop, type SliceLoop } from './slice-loop.ts';
import type { StageTotals } from './stage-log.ts';
import { addCounts, type Tally, timesOf } from './tally.ts';

/** The load of the scenario failure, and what its clients find afterwards. */
export interface FailureLoad {
  /** Loads for so many whole seconds. @param onBegan called when they begin. */
  run(seconds: number, ratePerSecond: number, onBegan?: () => void): Promise<SliceResult>;
  /** Asks for every login and logout of the load, and counts; once, after what was broken is back. */
  collect(): Promise<LoadResult>;
}

/** A client gives up after this long: our stores are given up after at most 3 s. */
const TIMEOUT_SECONDS = 5;
const LOOK_EVERY_MS = 50;
/** Not counted. */
const FIRST_SECONDS = 0.3;

/** Creates the sessions. @throws UnsupportedError when the backend cannot hold them. */
export async function prepareFailure(job: LoadJob, onProgress: (done: number) => void): Promise<FailureLoad> {
  const { plans, ledger } = await prepareClients(job, onProgress);
  const { targets, wire = {}, seed } = job;
  let firstFailure: string | undefined;
  let lastTroubleSeconds: number | undefined;
  const loop = createSliceLoop({
    ...{ targets, wire, plans, seed, timeoutSeconds: TIMEOUT_SECONDS },
    onFailure(request, status, body) {
      firstFailure ??= `${request.operation} got ${`${status} ${body}`.slice(0, 120)}`;
    },
  });
  return {
    async run(seconds, ratePerSecond, onBegan) {
      // Opens the connections, so that the load begins when it is said to.
      await loop.run(FIRST_SECONDS, { model: 'open', ratePerSecond, arrivals: 'constant' });
      loop.take();
      Object.assign(ledger, { denied: [], asAnother: 0, staleAccepts: 0 });
      const [fromRps, toRps] = [ratePerSecond, ratePerSecond];
      const stages = Array.from({ length: Math.round(seconds) }, () => ({ seconds: 1, fromRps, toRps }));
      onBegan?.();
      const watch = watchTrouble(loop);
      try {
        return await loop.run(stages.length, { model: 'stages', stages, arrivals: 'constant' });
      } finally {
        lastTroubleSeconds = watch.end();
      }
    },
    async collect() {
      const totals = loop.take();
      const result = await loadResultOf(totals);
      const { asAnother, staleAccepts } = ledger;
      const failure = {
        ...{ seconds: (totals.stages ?? []).map(countsOfSecond), lastTroubleSeconds },
        ...{ asAnother, staleAccepts, ...(await auditOf(job, ledger)) },
      };
      return { ...result, failure, ...(firstFailure === undefined ? {} : { firstFailure }) };
    },
  };
}

/** Follows a loop from now on. `end` returns when it last saw one more request that was refused or lost, seconds. */
function watchTrouble(loop: SliceLoop): { end(): number | undefined } {
  const beginMs = performance.now();
  let known = 0;
  let lastMs: number | undefined;
  const look = () => {
    const troubled = loop.look().tallies.reduce((sum, tally) => sum + refusedIn(tally) + lostIn(tally), 0);
    if (troubled > known) lastMs = performance.now();
    known = troubled;
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    end() {
      clearInterval(timer);
      look();
      return lastMs === undefined ? undefined : (lastMs - beginMs) / 1000;
    },
  };
}

type Counts = Omit<Tally, 'histogram' | 'response'>;
const refusedIn = ({ http4xx, http5xx, unauthorized }: Counts) => http5xx + http4xx - unauthorized;
const lostIn = ({ connErrors, timeouts, dropped }: Counts) => connErrors + timeouts + dropped;

function countsOfSecond({ tallies }: StageTotals, second: number): SecondCounts {
  const all = addCounts(tallies.values());
  const { p50, p95, max } = summarize(timesOf(tallies.values()));
  return {
    ...{ second, offered: all.scheduled, ok: all.ok, denied: all.unauthorized, wrong: all.checkFailed },
    ...{ refused: refusedIn(all), lost: lostIn(all), p50Us: p50, p95Us: p95, maxUs: max },
  };
}
