/**
 * Flags of Node for each process of a run that is measured and waits for its turn: servers, balancer, load generator.
 *
 * 100 seconds after its last full collection V8 makes one that saves memory, and drops the code of each function that
 * relies on a shape of which no object lives. A server under load has such objects. A server between two turns has
 * none: it compiled some 80 functions anew, and a request cost two to four times as much for 2 s of load. Source:
 * V8, memory-reducer.cc and `ShouldReduceMemory` in mark-compact.cc.
 */
export const STEADY_FLAGS: readonly string[] = ['--no-memory-reducer'];

/**
 * The young generation starts at its full size of 16 MB. By default V8 grows it by what survives, and a server that had
 * loaded fewer modules had a smaller, costlier one: the control cost 21 to 23 µs instead of 16 to 17.
 */
const YOUNG_GENERATION = '--min-semi-space-size=16';

/** Flags of Node for each measured server. */
export const SERVER_FLAGS: readonly string[] = [...STEADY_FLAGS, YOUNG_GENERATION];
