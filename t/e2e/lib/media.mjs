// ffmpeg, ffprobe and the RTMP driver.
import assert from 'node:assert/strict';
import { driver, until } from './env.mjs';
import { Child, run } from './process.mjs';

// A real encoder: 320x240 H.264 and AAC, for some seconds.
export function publish(url, seconds = 60, format = ['-f', 'flv']) {
  return new Child('ffmpeg', [
    '-hide_banner', '-nostdin', '-loglevel', 'verbose', '-re',
    '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25',
    '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100',
    '-t', String(seconds), '-c:v', 'libx264', '-preset', 'ultrafast',
    '-profile:v', 'baseline', '-pix_fmt', 'yuv420p', '-g', '25',
    '-c:a', 'aac', ...format, url,
  ], { limitMs: (seconds + 20) * 1000 });
}

// What ffmpeg printed when the server said no.
export async function refusal(url) {
  const ffmpeg = publish(url, 5);
  const { code } = await ffmpeg.ended;
  assert.notEqual(code, 0, 'ffmpeg must fail');
  return ffmpeg.err;
}

// The streams of what url serves, with the number of frames read.
export async function probe(url, { headers, seconds = 3 } = {}) {
  const { code, out, err } = await run('ffprobe', [
    '-hide_banner', '-loglevel', 'error', '-rw_timeout', '8000000',
    ...(headers ? ['-headers', headers] : []),
    '-count_frames', '-read_intervals', `%+${seconds}`, '-show_streams',
    '-of', 'json', url,
  ], { limitMs: 40000 });
  if (code !== 0) throw new Error(`ffprobe: ${err}`);
  return JSON.parse(out).streams;
}

export function assertAv(streams) {
  const video = streams.find((s) => s.codec_type === 'video');
  const audio = streams.find((s) => s.codec_type === 'audio');
  assert.equal(video?.codec_name, 'h264');
  assert.equal(audio?.codec_name, 'aac');
  assert.ok(Number(video.nb_read_frames) > 5, `${video.nb_read_frames} frames`);
  assert.ok(Number(audio.nb_read_frames) > 5, `${audio.nb_read_frames} frames`);
}

// mode: publish or play. names go by stdin, never by argument: they hold keys.
export function drive(mode, url, names, options = []) {
  return new Child(driver, [mode, '--url', url, '--names', '-', ...options],
    { input: `${names.join('\n')}\n` });
}

// One connection, what became of it.
export async function attempt(mode, url, name, options = []) {
  const child = drive(mode, url, [name], options);
  await child.ended;
  const line = child.lines.find((l) => l.event === 'ended');
  assert.ok(line, `the driver said nothing: ${child.err}`);
  return line;
}

// A publisher that stays; resolves once it is accepted.
export async function stay(url, name, { seconds = 60, media = true } = {}) {
  const child = drive('publish', url, [name], ['--seconds', String(seconds),
    '--events', ...(media ? ['--media'] : [])]);
  const first = await until('a verdict', () => child.lines[0]);
  assert.equal(first.outcome, 'accepted', JSON.stringify(first));
  return child;
}
