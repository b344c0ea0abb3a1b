import { createPublicKey, type KeyObject, sign } from 'node:crypto';

/** The minimum of DER (X.690) for a certificate: node:crypto reads certificates but cannot create them. */

const tagged = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(body.length)]), body]);
};

function lengthOf(bytes: number): number[] {
  if (bytes < 0x80) return [bytes];
  return bytes < 0x100 ? [0x81, bytes] : [0x82, bytes >> 8, bytes & 0xff];
}

const sequence = (...parts: readonly Buffer[]) => tagged(0x30, ...parts);
const integer = (...bytes: readonly number[]) => tagged(0x02, Buffer.from(bytes));
const utcTime = (text: string) => tagged(0x17, Buffer.from(text));
const bits = (bytes: Buffer) => tagged(0x03, Buffer.from([0]), bytes);

/** Object identifiers, encoded: sha256WithRSAEncryption (RFC 8017 §A.2.4) and commonName (X.520). */
const RSA_SHA256 = sequence(tagged(0x06, Buffer.from('2a864886f70d01010b', 'hex')), tagged(0x05));
const COMMON_NAME = tagged(0x06, Buffer.from('550403', 'hex'));

/** A self-signed certificate (RFC 5280 §4.1) of an RSA key, DER, valid until 2049. */
export function selfSigned(privateKey: KeyObject): Buffer {
  const name = sequence(tagged(0x31, sequence(COMMON_NAME, tagged(0x0c, Buffer.from('forged')))));
  const version3 = tagged(0xa0, integer(2));
  const validity = sequence(utcTime('200101000000Z'), utcTime('491231235959Z'));
  const subjectKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const body = sequence(version3, integer(1), RSA_SHA256, name, validity, name, subjectKey);
  return sequence(body, RSA_SHA256, bits(sign('sha256', body, privateKey)));
}
