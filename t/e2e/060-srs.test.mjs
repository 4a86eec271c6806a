// Keystone with a media server behind it that calls its hooks: SRS itself where
// SRS_BIN names one, else the stand-in, which moves no media: those tests that
// need some are then skipped and say so.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { offer } from '../tools/srs/captures.mjs';
import { launch } from './lib/browser.mjs';
import { root, until } from './lib/env.mjs';
import { publish as ffmpeg } from './lib/media.mjs';
import { bridging, hasSrt, realSrs, startPair } from './lib/srs.mjs';
import { assertFlowing, assertSilent, play, publish, remove } from
  './lib/webrtc.mjs';

const media = { skip: realSrs ? false
  : 'needs media: SRS_BIN names no SRS, the stand-in moves none' };

const noBridge = realSrs ? 'this SRS was built without --ffmpeg-fit: it ' +
  'turns no RTMP into WebRTC' : 'needs media: SRS_BIN names no SRS';

let pair;
let browser;
let srs;
let product;
let owner;
before(async () => {
  pair = await startPair();
  ({ srs, product, owner } = pair);
  browser = await launch();
});
// A page left alone goes on encoding.
afterEach(async () => {
  for (const c of browser.contexts()) await c.close();
});
after(async () => {
  await browser?.close();
  await pair?.stop();
});

const whip = (stream) => `/rtc/v1/whip/${stream.id}`;
const whep = (stream) => `/rtc/v1/whep/${stream.id}`;
const publishIt = (stream) => publish(browser, product, whip(stream),
  stream.stream_key);
const playIt = (stream, token) => play(browser, product, whep(stream), token);
const status = async (stream) => (await owner.status(stream.id)).status;

async function live(fields) {
  const stream = await owner.createStream(fields);
  const publisher = await publishIt(stream);
  assert.equal(publisher.status, 201, publisher.text);
  await until('active', async () => await status(stream) === 'active');
  return { stream, publisher };
}

const postSdp = (path, sdp, token) => product.get(path, {
  method: 'POST', body: sdp,
  headers: {
    'Content-Type': 'application/sdp',
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
  },
});

test('one publishes, one plays: both are SRS\'s clients and ours', async () => {
  const { stream, publisher } = await live();
  const viewer = await playIt(stream);
  assert.equal(viewer.status, 201, viewer.text);
  await until('both in SRS', async () => (await srs.of(stream)).length === 2);
  await until('one viewer', async () =>
    (await owner.status(stream.id)).viewer_count === 1);
  assert.equal((await remove(product, viewer.location)).status, 200);
  await until('the viewer is gone', async () =>
    (await srs.of(stream, 'rtc-play')).length === 0);
  assert.equal((await remove(product, publisher.location)).status, 200);
  await until('and the publisher', async () =>
    (await srs.of(stream)).length === 0);
});

test('picture and sound arrive', media, async () => {
  const { stream } = await live();
  const viewer = await playIt(stream);
  assert.equal(viewer.status, 201, viewer.text);
  const seen = await assertFlowing(viewer.page);
  assert.ok(seen.energy > 0);
});

test('a kick ends the publisher in SRS within a second, and bans it',
  async () => {
    const { stream } = await live();
    const viewer = await playIt(stream);
    await owner.call('POST', `/streams/${stream.id}/kick`,
      { ban_seconds: 60 });
    await until('SRS lists it no more', async () =>
      (await srs.of(stream, 'rtc-publish')).length === 0, { ms: 1000 });
    const again = await publishIt(stream);
    assert.equal(again.status, 403, again.text);
    if (realSrs) await assertSilent(viewer.page);
  });

test('a revoked token ends its viewer in SRS within a second', async () => {
  const { stream } = await live({ visibility: 'private' });
  const token = await owner.createToken(stream.id, { kind: 'play' });
  const viewer = await playIt(stream, token.token);
  assert.equal(viewer.status, 201, viewer.text);
  await until('SRS has it', async () =>
    (await srs.of(stream, 'rtc-play')).length === 1);
  await owner.revoke(token.id);
  await until('SRS lists it no more', async () =>
    (await srs.of(stream, 'rtc-play')).length === 0, { ms: 1000 });
  assert.equal((await playIt(stream, token.token)).status, 401);
});

test('a kicked viewer is out of SRS within a second, and stays out',
  async () => {
    const { stream } = await live({ visibility: 'private' });
    const [one, two] = [
      await owner.createToken(stream.id, { kind: 'play' }),
      await owner.createToken(stream.id, { kind: 'play' })];
    const kicked = await playIt(stream, one.token);
    const stays = await playIt(stream, two.token);
    assert.deepEqual([kicked.status, stays.status], [201, 201]);
    await until('both in SRS', async () =>
      (await srs.of(stream, 'rtc-play')).length === 2);
    const listed = await owner.call('GET', `/streams/${stream.id}/sessions`);
    const session = listed.data.find((s) =>
      s.id === kicked.location.split('/').at(-1));
    assert.ok(session, JSON.stringify(listed));
    await owner.call('DELETE', `/sessions/${session.id}?ban_seconds=60`);
    await until('one left in SRS', async () =>
      (await srs.of(stream, 'rtc-play')).length === 1, { ms: 1000 });
    assert.equal((await playIt(stream, one.token)).status, 403);
    if (realSrs) await assertFlowing(stays.page);
  });

test('after DELETE the name is free at once', async () => {
  const stream = await owner.createStream();
  for (let i = 0; i < 4; i++) {
    const publisher = await publishIt(stream);
    assert.equal(publisher.status, 201, `round ${i}: ${publisher.text}`);
    assert.equal((await remove(product, publisher.location)).status, 200);
    await publisher.page.close();
  }
});

test('a name that is taken: 409 with Retry-After, and SRS is not asked',
  async () => {
    const stream = await owner.createStream({ takeover: 'reject' });
    const first = await publishIt(stream);
    assert.equal(first.status, 201, first.text);
    const sdp = offer('srs5/whip/publish.201');
    const second = await postSdp(whip(stream), sdp, stream.stream_key);
    assert.equal(second.status, 409);
    assert.match(second.headers.get('retry-after'), /^\d+$/);
    assert.equal((await second.json()).status, 409);
    assert.equal((await srs.of(stream)).length, 1);
  });

test('a stream that is not live: 409 with Retry-After', async () => {
  const stream = await owner.createStream();
  const answer = await postSdp(whep(stream), offer('srs5/whep/play.201'));
  assert.equal(answer.status, 409);
  assert.match(answer.headers.get('retry-after'), /^\d+$/);
  assert.deepEqual(await srs.of(stream), []);
});

test('a private stream wants a token, its own', async () => {
  const { stream } = await live({ visibility: 'private' });
  const other = await owner.createStream({ visibility: 'private' });
  const foreign = await owner.createToken(other.id, { kind: 'play' });
  const own = await owner.createToken(stream.id, { kind: 'play' });
  assert.equal((await playIt(stream)).status, 401);
  assert.equal((await playIt(stream, foreign.token)).status, 403);
  const viewer = await playIt(stream, own.token);
  assert.equal(viewer.status, 201, viewer.text);
  if (realSrs) await assertFlowing(viewer.page);
});

test('SRS\'s own port without a ticket: nobody gets in or stays', async () => {
  const idle = await owner.createStream();
  for (const query of ['', `&key=${idle.stream_key}`,
    `&ks=${'A'.repeat(22)}`, `&token=${idle.stream_key}`]) {
    await assert.rejects(srs.offer('whip', idle, query), undefined,
      `${query}: no answer`);
    await until('the leftover is kicked', async () =>
      (await srs.of(idle)).length === 0, { ms: 1500 });
  }
  const publisher = await publishIt(idle);
  assert.equal(publisher.status, 201, 'the name is free');
  await until('active', async () => await status(idle) === 'active');
  await assert.rejects(srs.offer('whep', idle));
  assert.equal((await srs.of(idle, 'rtc-play')).length, 0);
});

test('a ticket is good once', async () => {
  const { stream, publisher } = await live();
  const seen = realSrs ? null : srs.standin.requests.findLast((r) =>
    r.method === 'POST' && r.target.includes(stream.id));
  await remove(product, publisher.location);
  if (!seen) return;
  const { search } = new URL(seen.target, srs.api);
  await assert.rejects(srs.offer('whip', stream, search.replace(
    /^\?app=live&stream=\w+/, '')));
  await until('kicked', async () => (await srs.of(stream)).length === 0);
});

test('RTMP straight to SRS: the key in the query decides', async (t) => {
  const stream = await owner.createStream();
  if (!realSrs) {
    const come = (key) => srs.appear({ type: 'fmle-publish',
      stream: stream.id, param: `?key=${key}` });
    assert.equal((await come('ks_wrong')).allowed, false);
    const good = await come(stream.stream_key);
    assert.equal(good.allowed, true, JSON.stringify(good));
    await until('active', async () => await status(stream) === 'active');
    assert.equal((await playIt(stream)).status, 201);
    return;
  }
  const wrong = ffmpeg(srs.rtmp(stream, 'ks_wrong'), 5);
  assert.notEqual((await wrong.ended).code, 0);
  const encoder = ffmpeg(srs.rtmp(stream, stream.stream_key));
  try {
    await until('active', async () => await status(stream) === 'active');
    const viewer = await playIt(stream);
    assert.equal(viewer.status, 201, viewer.text);
    if (bridging) await assertFlowing(viewer.page);
    else t.diagnostic(noBridge);
    await owner.call('POST', `/streams/${stream.id}/kick`,
      { ban_seconds: 60 });
    await until('SRS has nobody', async () =>
      (await srs.of(stream)).filter((c) => c.publish).length === 0, { ms: 1000 });
  } finally {
    await encoder.stop('SIGKILL');
  }
});

test('SRT straight to SRS: the key in the stream id decides', {
  skip: hasSrt ? false : `needs SRT: ${realSrs ? 'this SRS was built without'
    : 'SRS_BIN names no SRS'}`,
}, async (t) => {
  const stream = await owner.createStream();
  const come = (key, seconds) => {
    const [url, format] = srs.srt(stream, key);
    return ffmpeg(url, seconds, format);
  };
  assert.notEqual((await come('ks_wrong', 5).ended).code, 0);
  const encoder = come(stream.stream_key, 60);
  try {
    await until('active', async () => await status(stream) === 'active');
    assert.equal((await srs.of(stream, 'srt-publish')).length, 1);
    const viewer = await playIt(stream);
    assert.equal(viewer.status, 201, viewer.text);
    if (bridging) await assertFlowing(viewer.page);
    else t.diagnostic(noBridge);
    await owner.call('POST', `/streams/${stream.id}/kick`,
      { ban_seconds: 60 });
    await until('SRS has nobody', async () =>
      (await srs.of(stream, 'srt-publish')).length === 0, { ms: 1000 });
  } finally {
    await encoder.stop('SIGKILL');
  }
});

test('RTMP to nginx is relayed to SRS and plays over WHEP', {
  skip: bridging ? false : noBridge,
}, async () => {
  const stream = await owner.createStream();
  const encoder = ffmpeg(`${product.rtmp}/${stream.stream_key}`);
  try {
    await until('SRS has it', async () =>
      (await srs.of(stream)).filter((c) => c.publish).length === 1);
    const viewer = await until('a session', async () => {
      const answer = await playIt(stream);
      return answer.status === 201 && answer;
    });
    await assertFlowing(viewer.page);
    const names = JSON.stringify(await srs.clients());
    assert.ok(!names.includes(stream.stream_key), 'SRS gets no key');
    await owner.call('POST', `/streams/${stream.id}/kick`,
      { ban_seconds: 60 });
    await until('the relay has ended', async () =>
      (await srs.of(stream)).filter((c) => c.publish).length === 0, { ms: 2000 });
    await encoder.ended;
  } finally {
    await encoder.stop('SIGKILL');
  }
});

test('nginx reloads: nobody is lost, media goes on', async () => {
  const { stream, publisher } = await live();
  const viewer = await playIt(stream);
  assert.equal(viewer.status, 201, viewer.text);
  if (realSrs) await assertFlowing(viewer.page);
  await product.reload();
  if (realSrs) await assertFlowing(viewer.page);
  assert.equal(await status(stream), 'active');
  assert.equal((await srs.of(stream)).length, 2);
  assert.equal((await remove(product, viewer.location)).status, 200);
  assert.equal((await remove(product, publisher.location)).status, 200);
  await until('both gone', async () => (await srs.of(stream)).length === 0);
});

test('SRS dies and comes back: sessions end, the publisher may return',
  async () => {
    const { stream, publisher } = await live(
      { reconnect_window_seconds: 0 });
    await srs.restart();
    await until('ended', async () => await status(stream) === 'idle');
    const again = await until('published again', async () => {
      const answer = await publishIt(stream);
      return answer.status === 201 && answer;
    });
    assert.ok([200, 404].includes(
      (await remove(product, publisher.location)).status), 'the old session');
    assert.equal((await srs.of(stream)).length, 1, 'the new one stays');
    await until('active', async () => await status(stream) === 'active');
    await remove(product, again.location);
  });

test('an encoder that goes without a word', media, async () => {
  const { stream, publisher } = await live({ reconnect_window_seconds: 0 });
  await publisher.page.close();
  await until('ended', async () => await status(stream) === 'idle',
    { ms: 30000 });
});

for (const name of ['obs', 'gstreamer', 'ffmpeg']) {
  test(`an offer as ${name} makes it: 201, and the answer fits`, async () => {
    const stream = await owner.createStream();
    const sdp = readFileSync(`${root}/t/tools/offers/${name}.sdp`, 'utf8')
      .replace(/\r?\n/g, '\r\n');
    const answer = await postSdp(whip(stream), sdp, stream.stream_key);
    const text = await answer.text();
    assert.equal(answer.status, 201, text);
    const lines = (body, pattern) => body.split('\r\n').filter((l) =>
      pattern.test(l));
    assert.deepEqual(lines(text, /^m=/).map((l) => l.slice(0, 7)),
      lines(sdp, /^m=/).map((l) => l.slice(0, 7)));
    assert.deepEqual(lines(text, /^a=mid:/), lines(sdp, /^a=mid:/));
    assert.equal(lines(text, /^a=recvonly$/).length, 2);
    assert.ok(lines(text, /^a=candidate:/).length >= 1);
    assert.ok(lines(text, /^a=rtcp-mux$/).length === 2);
    assert.match(answer.headers.get('location'), /^(https?:\/|)\//,
      'absolute or from the root: OBS replaces the path');
    assert.equal((await remove(product, answer.headers.get('location')))
      .status, 200);
  });
}
