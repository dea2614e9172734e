'use strict';
const { setTimeout: pause } = require('timers/promises');

let initialized = 0;
const waiting = new Map();

exports.hello = async (ctx, req, res) => res.end('hello');
exports.echo = async (ctx, req, res) => {
  res.writeHead(200, { 'content-type': 'application/octet-stream' });
  req.pipe(res);
};
exports.describe = async (ctx, req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  res.end(JSON.stringify({
    method: req.method, url: req.url, headers: req.headers, rawHeaders: req.rawHeaders, baggage: req.baggage,
    body: Buffer.concat(chunks).toString(), env: process.env, cwd: process.cwd(), pid: process.pid, initialized,
    ctx: Object.keys(ctx), dapr: Object.keys(ctx.Dapr['1.0']), beacon: ctx.sendBeacon('x', {}, 'y'),
  }));
};
exports.initializer = async () => { initialized++; };
exports.badInitializer = async () => { throw new Error('no such luck'); };
exports.slowInitializer = () => new Promise(() => {});
exports.exitInitializer = () => process.exit(3);

exports.throws = async () => { throw new Error('oops'); };
exports.throwsSync = () => { throw new Error('oops sync'); };
exports.throwsString = async () => { throw 'just text'; };
exports.throwsNull = async () => { throw null; };
exports.exits = async () => process.exit(7);
exports.uncaught = () => { setImmediate(() => { throw new Error('nobody catches this'); }); };
exports.unhandled = () => { Promise.reject(new Error('nobody handles this')); };
exports.throwsAfterHead = async (ctx, req, res) => {
  res.writeHead(200, { a: 'b' });
  res.write('part');
  throw new Error('late');
};
exports.writesOnly = async (ctx, req, res) => {
  res.write('early');
  for await (const chunk of req) res.write(chunk);
  res.end();
};
exports.destroysAfterHead = async (ctx, req, res) => {
  res.writeHead(200);
  res.destroy(new Error('gone'));
};
exports.exitsAfterHead = async (ctx, req, res) => {
  res.writeHead(200);
  res.write('part', () => setImmediate(() => process.exit(7)));
};
exports.never = async () => {};
exports.headOnly = async (ctx, req, res) => res.writeHead(200, { x: 'y' });

exports.head = async (ctx, req, res) => {
  res.setHeader('X-Case-Kept', 'Yes');
  res.setHeader('multi', ['one', 'two', 'three']);
  res.setHeader('utf8', 'grüße 你好');
  res.setHeader('empty', '');
  res.statusCode = 201;
  res.end();
};
exports.notModified = async (ctx, req, res) => {
  res.writeHead(304);
  res.end('bytes all the same');
};
exports.writes = async (ctx, req, res) => {
  const [size, count] = req.url.slice(1).split('/').map(Number);
  res.writeHead(200);
  const chunk = Buffer.alloc(size, 97);
  for (let i = 0; i < count; i++) {
    if (!res.write(chunk)) await new Promise(resolve => res.once('drain', resolve));
  }
  console.log('all written');
  res.end();
};
exports.early = async (ctx, req, res) => {
  res.writeHead(200);
  res.end('done');
  let size = 0;
  req.on('data', chunk => { size += chunk.length; });
  req.on('end', () => console.log(`received ${size}`));
};
exports.ignores = async (ctx, req, res) => res.end('never read it');

// Waits until /open/KEY is called on the same worker.
exports.gate = async (ctx, req, res) => {
  const [, what, key] = req.url.split('/');
  if (what === 'open') {
    for (const open of waiting.get(key) || []) open();
    waiting.set(key, null);
    res.end('opened');
    return;
  }
  if (what === 'head') {
    res.writeHead(200);
    res.write('.');
  }
  if (waiting.get(key) !== null) {
    await new Promise(resolve => waiting.set(key, [...(waiting.get(key) || []), resolve]));
  }
  res.end('passed');
};
exports.pid = async (ctx, req, res) => res.end(String(process.pid));
exports.slow = async (ctx, req, res) => {
  await pause(Number(req.url.slice(1)) || 1000);
  res.end('slept');
};
exports.logs = async (ctx, req, res) => {
  console.log('to stdout');
  console.error('to stderr');
  res.end();
};
exports.busy = () => { for (;;); };
exports.stubborn = async (ctx, req, res) => {
  process.on('SIGTERM', () => console.log('SIGTERM ignored'));
  res.end(String(process.pid));
};
exports.notAFunction = 5;
