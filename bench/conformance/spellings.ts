import { ALPHABET, type Forgery, jwtParts } from './forge.ts';

/** Other spellings of a genuine token, which a list of dead tokens, keyed by their text, would miss. */

/** Order of the group of P-256 (SEC 2 §2.4.2). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P256_SIGNATURE_BYTES = 64;

/**
 * Tokens with another spelling of the signature that decodes to the same bytes where the decoder is lenient: the unused
 * bits of the last character, the other alphabet, padding, characters that are skipped. Empty for what is not a JWT.
 */
export function signatureSpellings(token: string): Forgery[] {
  const parts = jwtParts(token);
  if (parts === undefined) return [];
  const { headerText, payloadText, signatureText } = parts;
  const spelled = (how: string, signature: string) => ({
    how,
    token: `${headerText}.${payloadText}.${signature}`,
  });
  const padding = '='.repeat((4 - (signatureText.length % 4)) % 4);
  const otherAlphabet = signatureText.replaceAll('-', '+').replaceAll('_', '/');
  return [
    ...trailingBits(signatureText).map((signature) => spelled('unused bits of the signature', signature)),
    ...(otherAlphabet === signatureText ? [] : [spelled('+ and / for - and _', otherAlphabet)]),
    ...(padding === '' ? [] : [spelled('padded', signatureText + padding)]),
    spelled('a stray = at the end', `${signatureText}${padding}=`),
    spelled('letters after the padding', `${signatureText}${padding || '='}AAAA`),
    spelled('a letter of no alphabet', `${signatureText.slice(0, 9)}!${signatureText.slice(9)}`),
    spelled('a space within', `${signatureText.slice(0, 9)} ${signatureText.slice(9)}`),
    spelled('a tab within', `${signatureText.slice(0, 9)}\t${signatureText.slice(9)}`),
  ];
}

/** The signature with every other value of the bits that its last character leaves unused. */
function trailingBits(signature: string): string[] {
  const unused = { 2: 4, 3: 2 }[signature.length % 4] ?? 0;
  const last = ALPHABET.indexOf(signature.at(-1) ?? '');
  const base = last - (last % (1 << unused));
  return Array.from({ length: 1 << unused }, (_, bits) => base + bits)
    .filter((digit) => digit !== last)
    .map((digit) => signature.slice(0, -1) + ALPHABET[digit]);
}

/** Spellings of any token in a cookie: between blanks or quotes, or percent-encoded. */
export function cookieSpellings(token: string): Forgery[] {
  const escaped = token.replaceAll(/[._-]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return [
    { how: 'after a blank', token: ` ${token}` },
    { how: 'before a blank', token: `${token} ` },
    { how: 'in quotes', token: `"${token}"` },
    { how: 'percent-encoded', token: escaped },
  ];
}

/** The twin of an ES256 signature: (r, n − s) verifies wherever (r, s) does. `undefined` unless it has 64 bytes. */
export function ecdsaTwin(token: string): Forgery | undefined {
  const parts = jwtParts(token);
  const signature = Buffer.from(parts?.signatureText ?? '', 'base64url');
  if (parts === undefined || signature.length !== P256_SIGNATURE_BYTES) return undefined;
  const s = BigInt(`0x${signature.subarray(32).toString('hex')}`);
  const twin = Buffer.from((P256_ORDER - s).toString(16).padStart(64, '0'), 'hex');
  const text = Buffer.concat([signature.subarray(0, 32), twin]).toString('base64url');
  return { how: 'n - s for s', token: `${parts.headerText}.${parts.payloadText}.${text}` };
}
