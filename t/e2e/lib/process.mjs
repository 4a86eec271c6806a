// Child processes with an end: killed by their own id, at the latest when the
// test process goes.
import { spawn } from 'node:child_process';

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child {
  constructor(command, args, { input, limitMs = 120000, ...options } = {}) {
    this.out = '';
    this.err = '';
    this.lines = []; // JSON lines of stdout, parsed
    this.child = spawn(command, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...options,
    });
    running.add(this.child);
    let rest = '';
    this.child.stdout.on('data', (data) => {
      this.out += data;
      rest += data;
      const lines = rest.split('\n');
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith('{"')) this.lines.push(JSON.parse(line));
      }
    });
    this.child.stderr.on('data', (data) => { this.err += data; });
    if (input !== undefined) this.child.stdin.end(input);
    const limit = setTimeout(() => this.child.kill('SIGKILL'), limitMs);
    this.ended = new Promise((resolve) => {
      const finish = (code, signal) => {
        clearTimeout(limit);
        running.delete(this.child);
        this.code = code;
        this.done = true;
        resolve({ code, signal });
      };
      this.child.on('close', finish);
      this.child.on('error', (error) => {
        this.err += error.message;
        finish(127);
      });
    });
  }

  // Asks with signal, insists after ms.
  async stop(signal = 'SIGTERM', ms = 5000) {
    if (this.done) return this.ended;
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), ms);
    const result = await this.ended;
    clearTimeout(timer);
    return result;
  }
}

export async function run(command, args, options) {
  const child = new Child(command, args, options);
  const { code } = await child.ended;
  return { code, out: child.out, err: child.err, lines: child.lines };
}
