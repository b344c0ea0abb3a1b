/**
 * Ends this process in order on SIGTERM and SIGINT, and at once when the harness has died.
 * @param close completes the requests in progress and closes what is open. @param onError receives its failure.
 */
export function shutdownOnSignal(close: () => Promise<void>, onError: (error: unknown) => void): void {
  let isShuttingDown = false;
  const shutdown = async () => {
    if (isShuttingDown) return;
    isShuttingDown = true;
    await close();
    process.exit(0);
  };
  const shutdownOrFail = () => {
    shutdown().catch((error: unknown) => {
      onError(error);
      process.exit(1);
    });
  };
  process.on('SIGTERM', shutdownOrFail);
  process.on('SIGINT', shutdownOrFail);
  // The harness has died, even by kill -9: nothing else would end this process.
  process.on('disconnect', () => process.exit(0));
}
