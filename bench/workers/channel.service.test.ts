import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Channel, type ChannelServer, dial, listen } from './channel.ts';

type Message = { text: string };
type End = Channel<Message, Message>;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function open(token = randomBytes(32)) {
  const arrived: End[] = [];
  const refused: string[] = [];
  const server: ChannelServer = await listen<Message, Message>(
    { host: '127.0.0.1', port: 0 },
    token,
    (channel) => {
      arrived.push(channel);
      closers.push(channel.close);
    },
    (peer) => refused.push(peer),
  );
  closers.push(server.close);
  const address = { host: '127.0.0.1', port: server.port };
  return { address, arrived, refused, token };
}

async function pair() {
  const { address, arrived, token } = await open();
  const near: End = await dial(address, token);
  closers.push(near.close);
  await expect.poll(() => arrived.length).toBe(1);
  return { near, far: arrived[0] as End };
}

describe('the channel between collector and workers', () => {
  test('carries messages both ways, whole and in order, also long ones', async () => {
    const { near, far } = await pair();
    const [heard, replies]: [string[], string[]] = [[], []];
    far.onMessage = ({ text }) => {
      heard.push(text);
      far.send({ text: `${text.length}` });
    };
    near.onMessage = ({ text }) => replies.push(text);
    const texts = ['a\nb', 'ü'.repeat(300_000), ''];
    for (const text of texts) near.send({ text });
    await expect.poll(() => replies).toEqual(['3', '300000', '0']);
    expect(heard).toEqual(texts);
    expect(far.peer).toBe('127.0.0.1');
  });

  test('refuses another token, on both sides, before anything is read', async () => {
    const { address, arrived, refused } = await open();
    await expect(dial(address, randomBytes(32))).rejects.toMatchObject({
      code: 'SERVICE_REFUSED',
      message: expect.stringContaining('with the same token'),
    });
    await expect.poll(() => refused.length).toBe(1);
    expect(arrived).toEqual([]);
  });

  test('refuses what speaks no TLS', async () => {
    const { address, arrived, refused } = await open();
    const socket = connect(address.port, address.host);
    socket.on('error', () => undefined).write('{"type":"hello"}\n');
    await expect.poll(() => refused.length).toBe(1);
    socket.destroy();
    expect(arrived).toEqual([]);
  });

  test('says when the other end is lost, and not when it is closed here', async () => {
    const { near, far } = await pair();
    const lost: string[] = [];
    near.onLost = () => lost.push('near');
    far.onLost = (why) => lost.push(why);
    near.close();
    await expect.poll(() => lost).toEqual(['the end of the connection']);
  });

  test('nobody there, and a port that is taken', async () => {
    const { address, token } = await open();
    await expect(
      listen(
        address,
        token,
        () => undefined,
        () => undefined,
      ),
    ).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    await expect(dial({ host: '127.0.0.1', port: 9 }, token)).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: expect.stringContaining('pnpm bench collect at 127.0.0.1:9'),
    });
  });
});
