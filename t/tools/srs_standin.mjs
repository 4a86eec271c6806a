#!/usr/bin/env node
// Plays SRS's HTTP API for tests on machines without an SRS: what it answers
// was recorded from SRS 5.0.216 and 6.0.157 (t/captures). No media moves.
//
//   srs_standin.mjs [--port=0] [--control-port=0] [--srs=5|6] [--hooks=URL]
//                   [--server-id=ID] [--stun-timeout-ms=N] [--max-seconds=600]
//
// Prints one JSON line {"port", "control", "pid"} when it listens. Ends with
// SIGTERM, or when its stdin ends and --watch-stdin was given.
import { start } from './srs/standin.mjs';

const options = Object.fromEntries(process.argv.slice(2).map((arg) => {
  const found = /^--([a-z-]+)(?:=(.*))?$/.exec(arg);
  if (!found) {
    console.error(`srs_standin: ${arg} is not --name=value`);
    process.exit(2);
  }
  return [found[1], found[2] ?? true];
}));

const standin = await start({
  port: Number(options.port ?? 0),
  controlPort: Number(options['control-port'] ?? 0),
  flavour: Number(options.srs ?? 5),
  hooks: options.hooks,
  serverId: options['server-id'],
  stunTimeoutMs: Number(options['stun-timeout-ms'] ?? 30000),
});
console.log(JSON.stringify({
  port: standin.port, control: standin.controlPort, pid: process.pid,
}));

const stop = () => process.exit(0);
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
setTimeout(stop, Number(options['max-seconds'] ?? 600) * 1000);
if (options['watch-stdin']) process.stdin.resume().on('end', stop);
