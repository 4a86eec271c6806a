// What SRS makes of a WebRTC or RTMP stream for other players: HLS and FLV
// through nginx, whose cache is as docs/deployment-srs.md says. With the
// stand-in, t/640-srs-hls.t says all there is to say.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertPlaying, launch } from './lib/browser.mjs';
import { until } from './lib/env.mjs';
import { assertAv, probe } from './lib/media.mjs';
import { bridging, realSrs, startPair } from './lib/srs.mjs';
import { publish } from './lib/webrtc.mjs';

const media = {
  skip: bridging ? false : realSrs
    ? 'this SRS was built without --ffmpeg-fit: it turns no WebRTC into HLS'
    : 'needs media: SRS_BIN names no SRS',
};

let pair;
let browser;
let product;
let owner;
before(async () => {
  if (!bridging) return;
  pair = await startPair();
  ({ product, owner } = pair);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await pair?.stop();
});

async function live(fields) {
  const stream = await owner.createStream(fields);
  const publisher = await publish(browser, product,
    `/rtc/v1/whip/${stream.id}`, stream.stream_key);
  assert.equal(publisher.status, 201, publisher.text);
  await until('active', async () =>
    (await owner.status(stream.id)).status === 'active');
  return { stream, publisher };
}

const playlist = (stream, path = '') => until('a playlist', async () => {
  const answer = await product.get(`/live/${path}${stream.id}.m3u8`);
  const text = await answer.text();
  return answer.status === 200 && /\.ts/.test(text) && text;
}, { ms: 30000, every: 200 });

// Eight seconds: key frames are four apart.
const assertDecodes = async (path) => assertAv(await probe(
  `${product.base}/live/${path}`, { seconds: 8 }));

test('a stream from a browser plays by HLS and FLV', media, async () => {
  const { stream, publisher } = await live();
  assert.doesNotMatch(await playlist(stream), /hls_ctx|ks=/);
  await assertDecodes(`${stream.id}.m3u8`);
  await assertDecodes(`${stream.id}.flv`);

  const page = await browser.newPage();
  await page.goto(`${product.base}/blank.html`);
  await page.addScriptTag({ url: '/hls.min.js' });
  await page.evaluate((url) => {
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const hls = new window.Hls();
    hls.loadSource(url);
    hls.attachMedia(video);
    hls.on(window.Hls.Events.MANIFEST_PARSED, () => void video.play());
  }, `/live/${stream.id}.m3u8`);
  await assertPlaying(page, { ms: 60000 });
  await page.close();
  await publisher.page.close();
});

test('a private one wants its token for every file', media, async () => {
  const { stream, publisher } = await live({ visibility: 'private' });
  const { token } = await owner.createToken(stream.id, { kind: 'play' });
  const text = await playlist(stream, `t/${token}/`);
  const [segment] = /\S+\.ts/.exec(text);
  for (const file of [`${stream.id}.m3u8`, segment, `${stream.id}.flv`]) {
    assert.equal((await product.get(`/live/${file}`)).status, 401, file);
  }
  assert.equal((await product.get(`/live/t/${token}/${segment}`)).status, 200);
  await assertDecodes(`t/${token}/${stream.id}.m3u8`);
  await assertDecodes(`t/${token}/${stream.id}.flv`);
  await publisher.page.close();
});
