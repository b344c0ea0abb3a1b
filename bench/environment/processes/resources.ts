/** Closes resources in reverse order of opening. Every closer runs, even if others fail. */

export interface Resources extends AsyncDisposable {
  /**
   * Registers a closer. `name` is for the error text. Throws once {@link close} has begun, for the closer would not
   * run.
   */
  add(name: string, close: () => void | Promise<void>): void;
  /**
   * Runs the closers in reverse order, once; further calls wait for the same run.
   * @throws AggregateError of all failures, each naming its resource.
   */
  close(): Promise<void>;
}

/** An empty stack of resources, which owns everything that a run opens. */
export function createResources(): Resources {
  const closers: { name: string; close: () => void | Promise<void> }[] = [];
  let closing: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    const failures: Error[] = [];
    for (let next = closers.pop(); next !== undefined; next = closers.pop()) {
      const { name, close } = next;
      try {
        await close();
      } catch (cause) {
        failures.push(new Error(`Closing ${name} failed`, { cause }));
      }
    }
    if (failures.length > 0) {
      const text = failures.map(({ message, cause }) => `${message}: ${causeText(cause)}`).join('; ');
      throw new AggregateError(failures, text);
    }
  }

  const close = (): Promise<void> => {
    closing ??= closeAll();
    return closing;
  };
  return {
    add(name, closer) {
      if (closing !== undefined) throw new Error(`${name} was opened after the closing began`);
      closers.push({ name, close: closer });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Opens things that belong together; the caller closes the result. If `open` fails midway, what it has added so far is
 * closed first.
 * @throws what `open` throws; an AggregateError of that and the failures when closing fails as well.
 */
export async function openTogether<T>(open: (resources: Resources) => Promise<T>): Promise<T> {
  const resources = createResources();
  try {
    return await open(resources);
  } catch (error) {
    await resources.close().catch((closing: unknown) => {
      throw new AggregateError([error, closing], `${causeText(error)}; and then: ${causeText(closing)}`);
    });
    throw error;
  }
}

function causeText(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
