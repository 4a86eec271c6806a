// 200 publishers at once over two workers, and a reload among them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from './lib/env.mjs';
import { drive, stay } from './lib/media.mjs';
import { withProduct } from './lib/product.mjs';

const honest = 200;

test('none of 200 is wrongly refused or accepted; a reload loses none',
  () => withProduct({ workers: 2 }, async (product) => {
    const owner = await product.user();
    const streams = [];
    for (let i = 0; i < honest; i++) {
      streams.push(await owner.createStream(
        { title: `Camera ${i}`, reconnect_window_seconds: 1 }));
    }
    const off = await owner.createStream();
    await owner.disable(off.id);
    const good = streams.map((s) => `${s.id}?key=${s.stream_key}`);
    const bad = streams.slice(0, 30).flatMap((s, i) => [
      `${s.id}?key=${streams[i + 100].stream_key}`,
      `${s.id}?key=${s.stream_key.slice(0, -1)}`,
    ]).concat(streams[0].id, `${off.id}?key=${off.stream_key}`);
    // interleaved, so that each burst holds both sorts
    const names = good.flatMap((name, i) =>
      i < bad.length ? [name, bad[i]] : [name]);
    const isBad = new Set(bad);

    const crowd = drive('publish', product.rtmp, names,
      ['--seconds', '12', '--media', '--events']);
    const verdicts = () => crowd.lines.filter((l) =>
      ['accepted', 'refused', 'closed', 'timeout'].includes(l.event));
    await until('all verdicts', () => verdicts().length === names.length,
      { ms: 20000 });
    const wrong = verdicts().filter((l) => l.event !==
      (isBad.has(names[l.i]) ? 'refused' : 'accepted'));
    assert.deepEqual(wrong, []);

    await product.reload();
    const live = async () => {
      let sum = 0;
      for (const s of streams) {
        sum += (await owner.status(s.id)).live ? 1 : 0;
      }
      return sum;
    };
    assert.equal(await live(), honest, 'all are live after the reload');

    // a kick reaches the worker that drains, a newcomer the new ones
    const kicked = streams.at(-1);
    const at = Date.now();
    await owner.resetKey(kicked.id);
    const fresh = await owner.createStream();
    const newcomer = await stay(product.rtmp,
      `${fresh.id}?key=${fresh.stream_key}`);
    const end = await until('the kicked one to end', () =>
      crowd.lines.find((l) => l.event === 'ended' &&
        l.stream === kicked.id && l.outcome === 'accepted'));
    assert.ok(end.at - at <= 1000, `kicked after ${end.at - at} ms`);

    await crowd.ended;
    const lost = crowd.lines.filter((l) => l.event === 'ended' &&
      l.outcome === 'accepted' && l.ended !== 'client' &&
      l.stream !== kicked.id);
    assert.deepEqual(lost, []);
    await newcomer.stop();
    await until('nobody live', async () => await live() === 0);
  }));
