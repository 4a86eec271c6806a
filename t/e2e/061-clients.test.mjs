// WHIP and WHEP as clients from npm speak them, in a page of another origin:
// @eyevinn/whip-web-client, @eyevinn/webrtc-player, whip-whep. Pictures where
// SRS_BIN names an SRS, else what the stand-in sees of it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';
import { launch } from './lib/browser.mjs';
import { nodeModules, until } from './lib/env.mjs';
import { realSrs, startPair } from './lib/srs.mjs';
import { publish, remove } from './lib/webrtc.mjs';

let pair;
let browser;
let srs;
let product;
let owner;
before(async () => {
  pair = await startPair();
  ({ srs, product, owner } = pair);
  const { buildSync } = createRequire(`${nodeModules}/`)('esbuild');
  buildSync({
    stdin: {
      contents: `
        export { WHIPClient } from '@eyevinn/whip-web-client';
        export { WebRTCPlayer } from '@eyevinn/webrtc-player';
        export { WHIPClient as WhipWhepPublisher } from 'whip-whep/whip.js';
        export { WHEPClient as WhipWhepPlayer } from 'whip-whep/whep.js';`,
      resolveDir: nodeModules,
    },
    bundle: true, format: 'iife', globalName: 'clients',
    outfile: `${product.dir}/web/clients.js`,
  });
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

// A page at localhost; the server is 127.0.0.1. told: what its console says.
async function elsewhere() {
  const page = await browser.newPage();
  page.told = [];
  page.answers = [];
  page.on('console', (m) => page.told.push(m.text()));
  page.on('pageerror', (e) => page.told.push(e.message));
  page.on('response', (r) => page.answers.push(
    [r.request().method(), new URL(r.url()).pathname, r.status()]));
  await page.goto(`http://localhost:${product.port}/blank.html`);
  await page.addScriptTag({ url: '/clients.js' });
  return page;
}

const status = async (stream) => (await owner.status(stream.id)).status;
const active = (stream) => until('active', async () =>
  await status(stream) === 'active');
const statuses = (page, method) => page.answers.filter(([m]) => m === method)
  .map(([, , code]) => code);

for (const trickle of [false, true]) {
  test(`whip-web-client, ${trickle ? 'trickling' : 'all in one offer'}`,
    async () => {
      const stream = await owner.createStream();
      const page = await elsewhere();
      await page.evaluate(async ([endpoint, authkey, noTrickleIce]) => {
        window.client = new window.clients.WHIPClient(
          { endpoint, opts: { authkey, noTrickleIce } });
        await window.client.setIceServersFromEndpoint();
        await window.client.ingest(
          await navigator.mediaDevices.getUserMedia(
            { audio: true, video: true }));
      }, [`${product.base}/rtc/v1/whip/${stream.id}`, stream.stream_key,
        !trickle]);
      await active(stream);
      assert.deepEqual(statuses(page, 'POST'), [201], page.told.join('\n'));
      const [publisher] = await srs.of(stream);
      assert.equal(publisher.type, 'rtc-publish');
      if (trickle) {
        await until('a candidate', () => statuses(page, 'PATCH').length > 0);
      }
      assert.deepEqual(statuses(page, 'PATCH').filter((s) => s !== 204), []);
      await page.evaluate(() => window.client.destroy());
      await until('gone from SRS', async () =>
        (await srs.of(stream)).length === 0);
      assert.deepEqual(statuses(page, 'DELETE'), [200]);
      await page.close();
    });
}

test('whip-web-client with a wrong key: 401, and it says so', async () => {
  const stream = await owner.createStream();
  const page = await elsewhere();
  await page.evaluate(async ([endpoint, authkey]) => {
    const client = new window.clients.WHIPClient({ endpoint,
      opts: { authkey, noTrickleIce: true } });
    void client.ingest(await navigator.mediaDevices.getUserMedia(
      { audio: true, video: true })).catch(() => {});
  }, [`${product.base}/rtc/v1/whip/${stream.id}`, 'ks_pub_wrong']);
  await until('an answer', () => statuses(page, 'POST').length > 0);
  assert.equal(statuses(page, 'POST')[0], 401, 'which the page may read');
  await page.close();
});

const players = {
  'webrtc-player': async ([url, token]) => {
    const video = document.createElement('video');
    video.muted = true;
    video.autoplay = true;
    document.body.append(video);
    window.player = new window.clients.WebRTCPlayer({ video, type: 'whep' });
    window.leave = () => window.player.unload();
    await window.player.load(new URL(url), token && `Bearer ${token}`);
  },
  'whip-whep': async ([url, token]) => {
    const video = document.createElement('video');
    video.muted = true;
    video.autoplay = true;
    document.body.append(video);
    const pc = new RTCPeerConnection();
    const stream = new MediaStream();
    video.srcObject = stream;
    pc.ontrack = ({ track }) => stream.addTrack(track);
    for (const kind of ['audio', 'video']) {
      pc.addTransceiver(kind, { direction: 'recvonly' });
    }
    window.player = new window.clients.WhipWhepPlayer();
    window.leave = () => window.player.stop();
    await window.player.view(pc, url, token);
  },
};

for (const [name, play] of Object.entries(players)) {
  test(`${name} plays a private stream`, async () => {
    const stream = await owner.createStream({ visibility: 'private' });
    const publisher = await publish(browser, product,
      `/rtc/v1/whip/${stream.id}`, stream.stream_key);
    assert.equal(publisher.status, 201, publisher.text);
    await active(stream);
    const { token } = await owner.createToken(stream.id, { kind: 'play' });
    const page = await elsewhere();
    await page.evaluate(play, [`${product.base}/rtc/v1/whep/${stream.id}`,
      token]);
    await until('a session', () => statuses(page, 'POST').includes(201),
      { ms: 10000 });
    if (realSrs) {
      await until('a moving picture', () => page.evaluate(() => {
        const video = document.querySelector('video');
        return video.getVideoPlaybackQuality().totalVideoFrames > 20 &&
          video.currentTime > 0.5;
      }), { ms: 20000 });
    }
    await until('SRS has a player', async () =>
      (await srs.of(stream, 'rtc-play')).length === 1);
    await page.evaluate(() => window.leave());
    await until('gone from SRS', async () =>
      (await srs.of(stream, 'rtc-play')).length === 0);
    await page.close();
    await remove(product, publisher.location);
  });
}

test('whip-whep publishes, trickles and stops', async () => {
  const stream = await owner.createStream();
  const page = await elsewhere();
  await page.evaluate(async ([url, token]) => {
    const media = await navigator.mediaDevices.getUserMedia(
      { audio: true, video: true });
    const pc = new RTCPeerConnection();
    for (const track of media.getTracks()) {
      pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    }
    window.client = new window.clients.WhipWhepPublisher();
    await window.client.publish(pc, url, token);
  }, [`${product.base}/rtc/v1/whip/${stream.id}`, stream.stream_key]);
  await active(stream);
  await until('a candidate', () => statuses(page, 'PATCH').length > 0);
  assert.deepEqual(statuses(page, 'PATCH').filter((s) => s !== 204), []);
  await page.evaluate(() => window.client.stop());
  await until('gone from SRS', async () => (await srs.of(stream)).length === 0);
  await page.close();
});
