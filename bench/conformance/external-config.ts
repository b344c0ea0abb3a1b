import type { Contract } from '../config/contract.ts';
import { readContract } from '../config/contract-file.ts';
import { conflict, type RawOptions } from '../config/values.ts';
import { httpUrl, type Wire, wireOf } from '../config/wire.ts';

/** An external site, from the command line and the file of its contract. */
export interface External {
  target: string;
  contract: Contract;
}

/** Flags that configure how our sites are started; they conflict with an external one. */
const OWN_FLAGS = [
  'store',
  'servers',
  'balancer',
  'tls',
  'affinity',
  'transport',
  'durability',
  'services',
] as const;

/** `undefined` without a target. @throws BenchError USAGE or CONFLICT, for the first wrong value. */
export function externalOf(raw: RawOptions): External | undefined {
  const { target, contract } = raw;
  if (target === undefined && contract === undefined) {
    const alone = (['ca', 'insecure', 'connectTo'] as const).find((flag) => raw[flag] !== undefined);
    if (alone === undefined) return undefined;
    const flag = alone === 'connectTo' ? 'connect-to' : alone;
    throw conflict(
      `--target with --${flag}`,
      `--${flag} alone`,
      `Add --target and --contract, or leave --${flag} out.`,
    );
  }
  if (target === undefined || contract === undefined) {
    const [given, missing] = target === undefined ? ['contract', 'target'] : ['target', 'contract'];
    const remedy = `Add --${missing}; docs/conformance.md has an example of a contract.`;
    throw conflict('--target URL and --contract FILE together', `--${given} alone`, remedy);
  }
  const own = OWN_FLAGS.find((flag) => raw[flag] !== undefined);
  if (own !== undefined) {
    const remedy = `Leave --${own} out: the contract describes the target.`;
    throw conflict('no flag of our sites together with --target', `--${own}`, remedy);
  }
  const url = httpUrl(String(target), 'target');
  return { target: url, contract: { ...readContract(String(contract)), wire: wireOf(raw, new URL(url)) } };
}

/** The page of which a first contract is asked for; `undefined` when none is. @throws BenchError USAGE or CONFLICT. */
export function pageOf(raw: RawOptions): { page: URL; wire: Wire } | undefined {
  const { initContract, ...others } = raw;
  if (initContract === undefined) return undefined;
  const other = Object.keys(others).find((flag) => !['ca', 'insecure', 'connectTo', 'color'].includes(flag));
  if (other !== undefined) {
    const remedy = 'Leave one of them out.';
    throw conflict('--init-contract without flags of checks', `--init-contract and --${other}`, remedy);
  }
  const page = new URL(httpUrl(String(initContract), 'init-contract'));
  return { page, wire: wireOf(raw, page) };
}
