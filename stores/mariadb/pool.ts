/** Links that are lent to one call at a time: a transaction or a wait for a lock must not hold up another call. */

import type { Dialling, Link } from './links.ts';

export interface LinkPool {
  /** Calls `use` with a link of its own; waits for one at most the limit. */
  lend<T>(use: (link: Link) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

interface Waiter {
  take: (link: Link) => void;
  fail: (error: unknown) => void;
}

/** @param limitMs limit of the wait for a link, in milliseconds. */
export function linkPool(max: number, dial: Dialling, limitMs: number): LinkPool {
  const idle: Link[] = [];
  const waiters: Waiter[] = [];
  const all = new Set<Link>();
  let opening = 0;
  let isClosed = false;

  function remove(link: Link): void {
    all.delete(link);
    const at = idle.indexOf(link);
    if (at >= 0) idle.splice(at, 1);
  }

  function idleLink(): Link | undefined {
    for (let link = idle.pop(); link !== undefined; link = idle.pop()) {
      if (!link.isLost()) return link;
      all.delete(link);
    }
    return undefined;
  }

  async function open(): Promise<Link> {
    opening += 1;
    try {
      const link = await dial.open();
      all.add(link);
      return link;
    } finally {
      opening -= 1;
    }
  }

  const hasRoom = () => all.size + opening < max;

  /** Opens a link for the first waiter, where one may be opened. */
  function serveWaiters(): void {
    if (waiters.length === 0 || !hasRoom()) return;
    open().then(giveBack, (error: unknown) => {
      waiters.shift()?.fail(error);
      serveWaiters();
    });
  }

  function giveBack(link: Link): void {
    if (isClosed) {
      void link.close();
      return;
    }
    if (link.isLost()) {
      remove(link);
      serveWaiters();
      return;
    }
    const waiter = waiters.shift();
    if (waiter === undefined) idle.push(link);
    else waiter.take(link);
  }

  function wait(): Promise<Link> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiters.splice(waiters.indexOf(waiter), 1);
        reject(new Error(`no free connection within ${limitMs} ms`));
      }, limitMs);
      const waiter: Waiter = {
        take(link) {
          clearTimeout(timer);
          resolve(link);
        },
        fail(error) {
          clearTimeout(timer);
          reject(error);
        },
      };
      waiters.push(waiter);
    });
  }

  return {
    async lend(use) {
      if (isClosed) throw new Error('the store has been closed');
      const link = idleLink() ?? (hasRoom() ? await open() : await wait());
      try {
        return await use(link);
      } finally {
        giveBack(link);
      }
    },
    async close() {
      isClosed = true;
      for (const waiter of waiters.splice(0)) waiter.fail(new Error('the store has been closed'));
      await Promise.all([...all].map((link) => link.close()));
    },
  };
}
