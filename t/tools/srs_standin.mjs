#!/usr/bin/env node
// Plays SRS's HTTP API for tests on machines without an SRS: what it answers
// was recorded from SRS 5.0.216 and 6.0.157 (t/captures). No media moves.
//
//   srs_standin.mjs [--port=0] [--control-port=0] [--http-port=0] [--srs=5|6]
//                   [--hooks=URL] [--server-id=ID] [--vhosts=NAME,NAME]
//                   [--media-after-ms=0|N|never] [--stun-timeout-ms=30000]
//                   [--hls-ctx=on|off] [--hls-fragment-ms=2000]
//                   [--hls-segment-bytes=9400] [--max-seconds=600]
//
// Prints one JSON line {"port", "control", "http", "pid"} when it listens. Ends
// with SIGTERM, or when its stdin ends and --watch-stdin was given. What the
// control port takes: srs/control.mjs.
import { start } from './srs/standin.mjs';

const options = Object.fromEntries(process.argv.slice(2).map((arg) => {
  const found = /^--([a-z-]+)(?:=(.*))?$/.exec(arg);
  if (!found) {
    console.error(`srs_standin: ${arg} is not --name=value`);
    process.exit(2);
  }
  return [found[1], found[2] ?? true];
}));

const mediaAfter = options['media-after-ms'] ?? 0;
const standin = await start({
  port: Number(options.port ?? 0),
  controlPort: Number(options['control-port'] ?? 0),
  httpPort: Number(options['http-port'] ?? 0),
  flavour: Number(options.srs ?? 5),
  hooks: options.hooks,
  serverId: options['server-id'],
  vhosts: options.vhosts?.split(','),
  mediaAfterMs: mediaAfter === 'never' ? Infinity : Number(mediaAfter),
  stunTimeoutMs: Number(options['stun-timeout-ms'] ?? 30000),
  hlsCtx: options['hls-ctx'] === 'on',
  fragmentMs: Number(options['hls-fragment-ms'] ?? 2000),
  segmentBytes: Number(options['hls-segment-bytes'] ?? 9400),
});
console.log(JSON.stringify({
  port: standin.port, control: standin.controlPort, http: standin.httpPort,
  pid: process.pid,
}));

const stop = () => process.exit(0);
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
setTimeout(stop, Number(options['max-seconds'] ?? 600) * 1000);
if (options['watch-stdin']) process.stdin.resume().on('end', stop);
