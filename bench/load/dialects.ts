import { userName } from '../../servers/protocol.ts';
import { credentialsInRaw } from './client.ts';
import type { Dialect } from './dialect.ts';
import type { LoadJob } from './job.ts';
import { loginRequest, logoutRequest, readRequest, updateRequest, visitRequest } from './scenarios.ts';
import { siteDialect } from './site-dialect.ts';

/** Our own servers', or that of an external site by its contract. */
export function dialectOf(job: LoadJob): Dialect {
  if (job.site !== undefined) return siteDialect(job.site, job.targets[0] as string);
  return {
    userName,
    login: (user) => loginRequest(user, job.password),
    read: (session) => readRequest(session, job.payloadBytes),
    update: (session) => updateRequest(session, job.payloadBytes),
    logout: logoutRequest,
    visit: visitRequest,
    credentials: (raw) => credentialsInRaw(raw, job.transport),
  };
}
