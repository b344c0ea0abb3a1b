import { deserialize, serialize } from 'node:v8';
import { baselines } from './baselines.ts';
import type { Operation } from './measure.ts';

/** Sizes of the session data as JSON, in bytes. */
const SIZES_BYTES = [64, 256, 1_024, 4_096, 16_384, 65_536] as const;

/** Session data to bytes and back, by size. */
export function serializeOperations(): Operation[] {
  return [
    ...baselines('sync'),
    ...SIZES_BYTES.flatMap((bytes): Operation[] => {
      const data = sessionData(bytes);
      const [json, binary] = [JSON.stringify(data), serialize(data)];
      const size = `${bytes.toLocaleString('en-US')} B`;
      return [
        { name: `${size}: JSON.stringify`, kind: 'sync', run: () => JSON.stringify(data) },
        { name: `${size}: JSON.parse`, kind: 'sync', run: () => JSON.parse(json) },
        { name: `${size}: v8.serialize`, kind: 'sync', run: () => serialize(data) },
        { name: `${size}: v8.deserialize`, kind: 'sync', run: () => deserialize(binary) },
      ];
    }),
  ];
}

/** A cart that is exactly `bytes` long as JSON (ASCII). */
function sessionData(bytes: number): Record<string, unknown> {
  const data = { locale: 'en-GB', step: 3, cart: [] as unknown[], note: '' };
  const length = () => JSON.stringify(data).length;
  for (let item = 0; ; item += 1) {
    data.cart.push({ sku: `sku-${100_000 + item}`, count: 1 + (item % 3), priceCents: 1_999, gift: false });
    if (length() > bytes) break;
  }
  data.cart.pop();
  data.note = '.'.repeat(bytes - length());
  return data;
}
