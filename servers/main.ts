import { errorReporter } from './error-reporter.ts';
import { serve } from './serve.ts';

serve().catch((error: unknown) => {
  errorReporter()(error);
  process.exit(1);
});
