// WHIP and WHEP through the gate, with offers of a real browser: against the
// stand-in that replays SRS 5 and 6, and against SRS itself if there is one.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { offer } from '../tools/srs/captures.mjs';
import { launch, makeOffer, postOffer } from './lib/browser.mjs';
import { startProduct } from './lib/product.mjs';
import { realSrs, startRealSrs, startStandin } from './lib/standin.mjs';

const session = /^(?:https?:\/\/[^/]+)?\/rtc\/v1\/whip\/(str_\w+)\/[\w-]{22,}$/;

for (const flavour of [5, 6]) {
  describe(`stand-in for SRS ${flavour}`, () => {
    let srs;
    let product;
    let owner;
    before(async () => {
      srs = await startStandin({ flavour });
      product = await startProduct(srs);
      owner = await product.user();
    });
    after(async () => {
      await product?.stop();
      srs?.stop();
    });

    const post = (path, token, body, headers = {}) => product.get(path, {
      method: 'POST', body,
      headers: {
        'Content-Type': 'application/sdp',
        ...(token ? { Authorization: `Bearer ${token}` } : {}), ...headers,
      },
    });
    const seen = () => srs.requests.filter((r) =>
      r.target.startsWith('/rtc/v1/wh'));

    for (const name of ['srs5/whip/publish.201',
      'srs5/whip/browser-fetch.publish.201',
      'srs5/whip/publish.audio-only.201']) {
      test(`recorded offer ${name}: 201, answer, our Location`, async () => {
        const stream = await owner.createStream();
        const sdp = offer(name);
        const answer = await post(`/rtc/v1/whip/${stream.id}?eip=192.0.2.1` +
          '&app=other&stream=other', stream.stream_key, sdp,
        { 'X-Forwarded-For': '203.0.113.1, 203.0.113.2' });
        const text = await answer.text();
        assert.equal(answer.status, 201, text);
        assert.equal(answer.headers.get('content-type'), 'application/sdp');
        assert.match(text, /^v=0\r\n[^]*s=SRSPublishSession/);
        const location = answer.headers.get('location');
        assert.match(location, session);
        assert.equal(session.exec(location)[1], stream.id);
        assert.ok(!/token=|action=/.test(location));

        const request = seen().at(-1);
        const [path, query] = request.target.split('?');
        assert.equal(path, '/rtc/v1/whip/', 'SRS redirects without a slash');
        const params = new URLSearchParams(query);
        assert.equal(params.get('app'), 'live');
        assert.equal(params.get('stream'), stream.id);
        assert.ok(!/eip|other|ks_/.test(query), query);
        assert.equal(request.body, sdp);
        const header = (n) => request.headers.filter(([k]) =>
          k.toLowerCase() === n).map(([, v]) => v);
        assert.deepEqual(header('x-forwarded-for').join().split(',').length, 1);
        assert.ok(!header('authorization').join().includes(stream.stream_key),
          'the key goes no further');

        const end = await product.get(new URL(location, product.base)
          .pathname, { method: 'DELETE' });
        assert.equal(end.status, 200);
        assert.equal(srs.sessions().filter((s) =>
          s.key === `/live/${stream.id}`).length, 0, 'gone at SRS');
        const again = await product.get(new URL(location, product.base)
          .pathname, { method: 'DELETE' });
        assert.ok([200, 404].includes(again.status), `${again.status}`);
      });
    }

    test('refused before SRS is asked', async () => {
      const stream = await owner.createStream();
      const sdp = offer('srs5/whip/publish.201');
      const asked = seen().length;
      const cases = [
        [401, post(`/rtc/v1/whip/${stream.id}`, null, sdp)],
        [401, post(`/rtc/v1/whip/${stream.id}`, 'undefined', sdp)],
        [401, post(`/rtc/v1/whip/${stream.id}`, `${stream.stream_key}x`, sdp)],
        [403, post(`/rtc/v1/whip/${stream.id}`,
          (await owner.createStream()).stream_key, sdp)],
        [415, post(`/rtc/v1/whip/${stream.id}`, stream.stream_key, sdp,
          { 'Content-Type': 'text/plain' })],
        [400, post(`/rtc/v1/whip/${stream.id}`, stream.stream_key, 'hello')],
        [422, post(`/rtc/v1/whip/${stream.id}`, stream.stream_key,
          offer('srs5/whip/publish.only-vp8.closed'))],
        [422, post(`/rtc/v1/whip/${stream.id}`, stream.stream_key,
          offer('srs5/whip/publish.bad-sdp-recvonly-offer.closed'))],
        [409, post(`/rtc/v1/whep/${stream.id}`, null,
          offer('srs5/whep/play.201'))],
      ];
      for (const [status, sent] of cases) {
        const answer = await sent;
        const problem = await answer.json();
        assert.equal(answer.status, status, JSON.stringify(problem));
        assert.equal(problem.status, status);
        assert.match(answer.headers.get('content-type'),
          /^application\/problem\+json/);
      }
      assert.equal(seen().length, asked, 'SRS was not asked');
    });

    test('SRS closes without a byte: 502; the name is free again', async () => {
      const stream = await owner.createStream();
      const sdp = offer('srs5/whip/publish.201');
      srs.plans.push({ match: 'POST /rtc/v1/whip/', action: 'close',
        times: 1 });
      const answer = await post(`/rtc/v1/whip/${stream.id}`,
        stream.stream_key, sdp);
      assert.equal(answer.status, 502);
      assert.equal((await answer.json()).status, 502);
      const again = await post(`/rtc/v1/whip/${stream.id}`,
        stream.stream_key, sdp);
      assert.equal(again.status, 201, await again.text());
    });

    test('a fresh offer of this Chromium, publish and play', async () => {
      const stream = await owner.createStream();
      const browser = await launch();
      try {
        const page = await browser.newPage();
        await page.goto(`${product.base}/blank.html`);
        const whip = await postOffer(page, `/rtc/v1/whip/${stream.id}`,
          await makeOffer(page, 'sendonly'), stream.stream_key);
        assert.equal(whip.status, 201, whip.text);
        assert.equal(whip.signaling, 'stable', 'the answer was accepted');
        assert.match(whip.location, session);
        const viewer = await browser.newPage();
        await viewer.goto(`${product.base}/blank.html`);
        const whep = await postOffer(viewer, `/rtc/v1/whep/${stream.id}`,
          await makeOffer(viewer, 'recvonly'));
        assert.equal(whep.status, 201, whep.text);
        assert.equal(whep.signaling, 'stable');
      } finally {
        await browser.close();
      }
    });
  });
}

test('SRS itself: Chromium publishes, another one sees frames',
  { skip: realSrs ? false : 'SRS_BIN names no SRS: only the stand-in was ' +
    'tested' },
  async () => {
    const srs = await startRealSrs();
    const product = await startProduct(srs);
    const browser = await launch();
    try {
      const owner = await product.user();
      const stream = await owner.createStream();
      const page = await browser.newPage();
      await page.goto(`${product.base}/blank.html`);
      const whip = await postOffer(page, `/rtc/v1/whip/${stream.id}`,
        await makeOffer(page, 'sendonly'), stream.stream_key);
      assert.equal(whip.status, 201, whip.text);
      await page.waitForFunction(() =>
        window.pc.connectionState === 'connected');
      const viewer = await browser.newPage();
      await viewer.goto(`${product.base}/blank.html`);
      const sdp = await makeOffer(viewer, 'recvonly');
      const whep = await postOffer(viewer, `/rtc/v1/whep/${stream.id}`, sdp);
      assert.equal(whep.status, 201, whep.text);
      await viewer.waitForFunction(async () => {
        const stats = [...(await window.pc.getStats()).values()];
        return stats.some((s) => s.type === 'inbound-rtp' &&
          s.framesDecoded > 20);
      }, null, { timeout: 20000 });
      const end = await product.get(
        new URL(whip.location, product.base).pathname, { method: 'DELETE' });
      assert.equal(end.status, 200);
    } finally {
      await browser.close();
      await product.stop();
      await srs.stop();
    }
  });
