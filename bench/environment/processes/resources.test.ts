import { describe, expect, it } from 'vitest';
import { createResources, openTogether } from './resources.ts';

describe('createResources', () => {
  it('closes in reverse order, one after the other', async () => {
    const resources = createResources();
    const log: string[] = [];
    for (const name of ['first', 'second', 'third']) {
      resources.add(name, async () => {
        log.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        log.push(`${name} ends`);
      });
    }
    await resources.close();
    expect(log).toEqual(['third', 'second', 'first'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  it('runs every closer even when some fail, then throws all failures with their names', async () => {
    const resources = createResources();
    const log: string[] = [];
    resources.add('a', () => void log.push('a'));
    resources.add('b', () => {
      throw new Error('b is stuck');
    });
    resources.add('c', () => void log.push('c'));
    resources.add('d', async () => {
      throw new Error('d is stuck');
    });
    const error = await resources.close().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors).toHaveLength(2);
    expect((error as AggregateError).message).toBe(
      'Closing d failed: d is stuck; Closing b failed: b is stuck',
    );
    expect(log).toEqual(['c', 'a']);
  });

  it('closes once, however often and in whichever way it is asked', async () => {
    const resources = createResources();
    let closings = 0;
    resources.add('a', async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      closings += 1;
    });
    await Promise.all([resources.close(), resources.close(), resources[Symbol.asyncDispose]()]);
    await resources.close();
    expect(closings).toBe(1);
  });

  it('takes nothing once the closing began', async () => {
    const resources = createResources();
    await resources.close();
    expect(() => resources.add('late', () => undefined)).toThrow('late was opened after the closing began');
  });
});

describe('openTogether', () => {
  it('leaves what was opened to the caller when all goes well', async () => {
    let isClosed = false;
    const resources = await openTogether(async (resources) => {
      resources.add('a', () => {
        isClosed = true;
      });
      return resources;
    });
    expect(isClosed).toBe(false);
    await resources.close();
    expect(isClosed).toBe(true);
  });

  it('closes what was opened when a later step fails, and throws what that threw', async () => {
    let isClosed = false;
    const failing = openTogether(async (resources) => {
      resources.add('a', () => {
        isClosed = true;
      });
      throw new Error('b does not open');
    });
    await expect(failing).rejects.toThrow('b does not open');
    expect(isClosed).toBe(true);
  });

  it('hides neither failure when closing fails too', async () => {
    const failing = openTogether(async (resources) => {
      resources.add('a', () => {
        throw new Error('a is stuck');
      });
      throw new Error('b does not open');
    });
    await expect(failing).rejects.toThrow('b does not open; and then: Closing a failed: a is stuck');
  });
});
