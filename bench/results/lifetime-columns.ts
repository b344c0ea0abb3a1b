import { integer, number } from './column.ts';

/** Columns of runs in which sessions are touched (`--touch`), or expire (`--expiring`). */
export const LIFETIME_COLUMNS = [
  number(
    'touch_s',
    'least time between two renewals of the idle expiry of a session (--touch), 0: with every read; empty: none falls into the run',
  ),
  number('touches_per_req', 'renewals of the idle expiry per request sent; only with touch_s'),
  number('idle_s', 'idle lifetime of a session, with --expiring; empty: longer than the run'),
  integer(
    'expiring_sessions',
    'sessions besides those of the load, which expire in the measured time (--expiring); the arms of a block then follow one another, and the columns from here to expired_swept_s are filled',
  ),
  integer('churned_sessions', 'sessions that logged in and out again before (--churn)'),
  integer(
    'p99_before_expiry_us',
    'response time, in a closed loop service time, 99th percentile over the slices before the first session expires; empty below 1,000 samples, and where requests were sent late',
  ),
  integer('p99_in_expiry_us', 'the same over the slices from then on'),
  number(
    'expiry_cpu_ms_server',
    'CPU of all servers from the first expiry on, beyond what as many requests cost before; noise may make it negative',
  ),
  number('expiry_cpu_ms_store', 'the same of the service; empty without one'),
  integer(
    'expiring_server_bytes',
    'growth of the memory of all servers (PSS) as the sessions that expire were made',
  ),
  integer('freed_server_bytes', 'memory that all servers have given back since, at the end of the load'),
  integer(
    'expiring_store_bytes',
    'growth of the data of the service as those sessions were made, measured as for store_bytes_per_session; empty without one',
  ),
  integer(
    'freed_store_bytes',
    'by how much the data of the service has shrunk since, at the end of the load',
  ),
  number(
    'expired_left_pct',
    'share of what the store counted of those sessions that it still holds at the end of the load; a store of keys also counts the list of each user, which lives for the absolute lifetime, and beyond 10,000 rows a count is an estimate; empty where nothing is held',
  ),
  number(
    'expired_swept_s',
    'from the expiry of the last of them until that count last fell by more than 1 %, looked at each second; empty: it never did',
  ),
] as const;
