// Who does not get in, and that the encoder's person is told why.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sleep, until } from './lib/env.mjs';
import { attempt, drive, refusal, stay } from './lib/media.mjs';
import { startProduct } from './lib/product.mjs';

let product;
let owner;
before(async () => {
  product = await startProduct();
  owner = await product.user();
});
after(() => product?.stop());

// ffmpeg prints the description of a refusal as "Server error: ...".
async function assertRefused(name, pattern, secrets) {
  const text = await refusal(`${product.rtmp}/${name}`);
  const said = /Server error: (.*)/.exec(text)?.[1];
  assert.ok(said, `ffmpeg was given no reason:\n${text.slice(-1500)}`);
  assert.match(said, pattern);
  for (const secret of secrets) {
    assert.ok(!said.includes(secret), 'the reason repeats a secret');
  }
  const line = await attempt('publish', product.rtmp, name);
  assert.equal(line.outcome, 'refused');
  assert.equal(line.code, 'NetStream.Publish.BadName');
  assert.equal(line.description, said);
}

const key = (stream) => `${stream.id}?key=${stream.stream_key}`;

test('no key and a wrong key', async () => {
  const stream = await owner.createStream();
  const wrong = stream.stream_key.slice(0, -4) + 'zzzz';
  await assertRefused(stream.id, /key|token/i, []);
  await assertRefused(`${stream.id}?key=${wrong}`, /key|token/i, [wrong]);
  assert.equal((await owner.status(stream.id)).live, false);
});

test('the key of another stream', async () => {
  const [mine, other] = [await owner.createStream(),
    await owner.createStream()];
  await assertRefused(`${mine.id}?key=${other.stream_key}`, /stream/i,
    [other.stream_key]);
});

test('a disabled stream', async () => {
  const stream = await owner.createStream();
  await owner.disable(stream.id);
  await assertRefused(key(stream), /disabled/i, [stream.stream_key]);
  await owner.enable(stream.id);
  assert.equal((await attempt('publish', product.rtmp, key(stream))).outcome,
    'accepted');
});

test('a revoked publish token, and a play token', async () => {
  const stream = await owner.createStream();
  const publish = await owner.createToken(stream.id,
    { kind: 'publish', ttl_seconds: 600 });
  const name = `${stream.id}?token=${publish.token}`;
  assert.equal((await attempt('publish', product.rtmp, name)).outcome,
    'accepted');
  await owner.revoke(publish.id);
  await assertRefused(name, /revoked|key|token/i, [publish.token]);
  const play = await owner.createToken(stream.id,
    { kind: 'play', ttl_seconds: 600 });
  await assertRefused(`${stream.id}?token=${play.token}`,
    /key|token|publish/i, [play.token]);
});

test('an expired publish token', async () => {
  const stream = await owner.createStream();
  const token = await owner.createToken(stream.id,
    { kind: 'publish', ttl_seconds: 1 });
  await sleep(1200); // time is what is tested
  await assertRefused(`${stream.id}?token=${token.token}`, /expired/i,
    [token.token]);
});

test('a stream that does not exist reads like a wrong key', async () => {
  const stream = await owner.createStream();
  const nobody = stream.id.replace(/.{6}$/, 'AAAAAA');
  const [unknown, wrong] = await Promise.all([
    attempt('publish', product.rtmp, `${nobody}?key=${stream.stream_key}x`),
    attempt('publish', product.rtmp, `${stream.id}?key=${
      stream.stream_key}x`),
  ]);
  assert.equal(unknown.outcome, 'refused');
  assert.equal(unknown.description, wrong.description);
});

test('a second publisher with another token is turned away', async () => {
  const stream = await owner.createStream();
  const token = await owner.createToken(stream.id,
    { kind: 'publish', ttl_seconds: 600 });
  const first = await stay(product.rtmp, key(stream));
  const second = await attempt('publish', product.rtmp,
    `${stream.id}?token=${token.token}`);
  assert.equal(second.outcome, 'refused');
  assert.match(second.description, /publish|live/i);
  assert.ok(!first.done);
  await first.stop();
});

test('the same key again takes over', async () => {
  const stream = await owner.createStream({ takeover: 'same_credential' });
  const first = await stay(product.rtmp, key(stream));
  const second = await stay(product.rtmp, key(stream));
  const line = await until('the first to be ended', () =>
    first.lines.find((l) => l.event === 'ended'));
  assert.equal(line.ended, 'server');
  await sleep(1000); // the second must not follow the first
  assert.ok(!second.done);
  assert.equal((await owner.status(stream.id)).live, true);
  await second.stop();
});

// Each ends a live publisher within a second, in whichever worker it is.
for (const [name, act] of [
  ['reset-key', (id) => owner.resetKey(id)],
  ['disable', (id) => owner.disable(id)],
  ['delete', (id) => owner.remove(id)],
]) {
  test(`${name} ends live sessions within a second`, async () => {
    const streams = await Promise.all(Array.from({ length: 6 }, () =>
      owner.createStream()));
    const child = drive('publish', product.rtmp, streams.map(key),
      ['--seconds', '30', '--media', '--events']);
    await until('six publishers', () =>
      child.lines.filter((l) => l.event === 'accepted').length === 6);
    const asked = [];
    for (const { id } of streams) {
      asked.push([id, Date.now()]);
      await act(id);
    }
    await child.ended;
    for (const [id, at] of asked) {
      const line = child.lines.find((l) => l.event === 'ended' &&
        l.stream === id);
      assert.equal(line.ended, 'server', `${id} by itself`);
      assert.ok(line.at - at <= 1000, `${id} ended after ${line.at - at} ms`);
    }
    if (name === 'reset-key') {
      const again = await attempt('publish', product.rtmp, key(streams[0]));
      assert.equal(again.outcome, 'refused', 'the old key is dead');
    }
  });
}
