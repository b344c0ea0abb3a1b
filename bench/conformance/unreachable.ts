import { BenchError, messageOf, redactUrl } from '../errors.ts';

/** The error of a site that cannot be spoken to, with what would help. */
export function unreachable(target: string, cause: unknown): BenchError {
  return new BenchError({
    code: 'SERVICE_UNREACHABLE',
    expected: `a site at ${redactUrl(target)}`,
    got: messageOf(cause),
    remedy: remedyOf(cause, '--target') ?? 'Start it, or correct its address.',
    cause,
  });
}

/** What helps against a failure of TLS; `undefined` for another one. @param named how the site's URL is given. */
export function remedyOf(cause: unknown, named: string): string | undefined {
  const { code = '' } = cause as { code?: string };
  return REMEDIES.find(([pattern]) => pattern.test(code))?.[1].replace('--target', named);
}

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_UNTRUSTED/,
    'Name the file of its authority by --ca, or do not check its certificate: --insecure.',
  ],
  [
    /ALTNAME/,
    'Name the site in --target as its certificate does, and its address by --connect-to HOST:PORT.',
  ],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET/, 'Renew its certificate, or do not check it: --insecure.'],
  [/EPROTO|WRONG_VERSION/, 'If it speaks plain HTTP there, write http:// in --target.'],
];
