'use strict';
// Runs one function in one node process for the emulator. CommonJS, no dependencies, Node 18 or later.
// Frame: u32 payload length, u8 type, u8 flags, u32 stream id, payload; all little endian (WorkerFrame.cs).
const net = require('net');
const path = require('path');
const { STATUS_CODES } = require('http');
const { Readable, Writable } = require('stream');
const { Worker: Thread } = require('worker_threads');

const HEADER = 10;
const T = {
  Hello: 1, Init: 2, InitDone: 3, InitFailed: 4, Invoke: 5, Body: 6, BodyEnd: 7, BodyAbort: 8,
  Head: 9, HeadFailed: 10, Data: 11, End: 12, Credit: 13,
};
const MORE = 1;
const PEER_ERROR = 1;
const WINDOW = 1024 * 1024;
const PIECE = 256 * 1024;

const exit = process.exit.bind(process);
const socketPath = process.env._NOSLATED_IPC_PATH;
const credential = process.env._NOSLATED_WORKER_CREDENTIAL;
delete process.env._NOSLATED_IPC_PATH;
delete process.env._NOSLATED_WORKER_CREDENTIAL;

// A function that never yields can't see a closed socket, so a second thread watches a pipe that closes with the emulator.
new Thread(
  `const s = new (require('net').Socket)({ fd: 0, readable: true, writable: false });
   const end = () => process.kill(process.pid, 'SIGKILL');
   s.on('error', end); s.on('close', end); s.resume();`,
  { eval: true, env: {} }
).unref();

const socket = net.connect(socketPath);
const streams = new Map();

function frame(type, flags, sid, payload) {
  const head = Buffer.allocUnsafe(HEADER);
  head.writeUInt32LE(payload ? payload.length : 0, 0);
  head[4] = type;
  head[5] = flags;
  head.writeUInt32LE(sid, 6);
  if (!payload || payload.length === 0) {
    socket.write(head);
    return;
  }
  socket.cork();
  socket.write(head);
  socket.write(payload);
  socket.uncork();
}

function credit(sid, count) {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32LE(count, 0);
  frame(T.Credit, 0, sid, payload);
}

function pack(strings) {
  const parts = [];
  for (const it of strings) {
    const bytes = Buffer.from(it, 'utf8');
    const size = Buffer.allocUnsafe(4);
    size.writeUInt32LE(bytes.length, 0);
    parts.push(size, bytes);
  }
  return Buffer.concat(parts);
}

function describe(error) {
  try {
    return [String(error.message || error), String(error.stack)];
  } catch {
    return ['Internal Error (Unable to serialize error info)', ''];
  }
}

class IncomingMessage extends Readable {
  #sid; #url; #method; #headers; #baggage; #queue = []; #wanted = false; #ended = false;

  constructor(sid, meta) {
    super();
    this.#sid = sid;
    this.#url = meta.url;
    this.#method = meta.method;
    this.#headers = meta.headers;
    this.#baggage = meta.baggage;
  }

  get url() { return this.#url; }
  get method() { return this.#method; }
  get headers() { return Object.fromEntries(this.#headers); }
  get baggage() { return Object.fromEntries(this.#baggage); }
  get rawHeaders() { return this.#headers.flat(); }

  _read() {
    this.#wanted = true;
    while (this.#wanted && this.#queue.length > 0) {
      const chunk = this.#queue.shift();
      credit(this.#sid, chunk.length);
      this.#wanted = this.push(chunk);
    }
    if (this.#queue.length === 0 && this.#ended) {
      this.#ended = false;
      this.push(null);
    }
  }

  _arrive(chunk) {
    if (this.destroyed) {
      credit(this.#sid, chunk.length);
    } else if (this.#wanted && this.#queue.length === 0) {
      credit(this.#sid, chunk.length);
      this.#wanted = this.push(chunk);
    } else {
      this.#queue.push(chunk);
    }
  }

  _arriveEnd() {
    if (this.#queue.length === 0) {
      this.push(null);
    } else {
      this.#ended = true;
    }
  }

  _destroy(error, callback) {
    for (const chunk of this.#queue.splice(0)) credit(this.#sid, chunk.length);
    callback(error);
  }
}

let warnedOfHead = false;

class ServerResponse extends Writable {
  #sid; #headersSent = false; #headers = Object.create(null); #statusCode = 200;
  #credit = WINDOW; #rest = null; #done = null;

  constructor(sid) {
    super();
    this.#sid = sid;
  }

  #sendHead() {
    const pairs = [];
    for (const [key, value] of Object.entries(this.#headers)) {
      for (const it of Array.isArray(value) ? value : [value]) pairs.push(key, String(it));
    }
    this.#headersSent = true;
    const status = Buffer.allocUnsafe(4);
    status.writeInt32LE(this.#statusCode | 0, 0);
    frame(T.Head, 0, this.#sid, Buffer.concat([status, pack(pairs)]));
  }

  // A real node holds the head, and so the deadline, until writeHead or the end, however much is written. Here a
  // function that streams without writeHead does stream, as anywhere else in Node.js, and is told what awaits it there.
  #sendHeadEarly() {
    if (!warnedOfHead) {
      warnedOfHead = true;
      console.error('emulator: body written before writeHead(); a real Noslate node sends nothing until writeHead() or the end. Call writeHead() first.');
    }
    this.#sendHead();
  }

  #flush() {
    while (this.#credit > 0) {
      const size = Math.min(this.#rest.length, this.#credit, PIECE);
      const more = size < this.#rest.length;
      frame(T.Data, more ? MORE : 0, this.#sid, this.#rest.subarray(0, size));
      this.#credit -= size;
      if (!more) {
        this.#rest = null;
        const done = this.#done;
        this.#done = null;
        done();
        return;
      }
      this.#rest = this.#rest.subarray(size);
    }
  }

  _credit(count) {
    this.#credit += count;
    if (this.#rest !== null) this.#flush();
  }

  _write(chunk, encoding, callback) {
    if (chunk.length === 0) {
      callback();
      return;
    }
    if (!this.#headersSent) this.#sendHeadEarly();
    this.#rest = chunk;
    this.#done = callback;
    this.#flush();
  }

  _destroy(error, callback) {
    this.#rest = null;
    if (!this.#headersSent) {
      if (error) {
        this.#headersSent = true;
        frame(T.HeadFailed, 0, this.#sid, pack(describe(error)));
      } else {
        this.#sendHead();
      }
    }
    frame(T.End, error != null ? PEER_ERROR : 0, this.#sid, null);
    const stream = streams.get(this.#sid);
    if (stream) {
      stream.res = null;
      retire(this.#sid, stream);
    }
    callback(null);
  }

  flushHeaders() { this.writeHead(this.statusCode); }
  getHeader(name) { return this.#headers[name]; }
  getHeaderNames() { return Object.keys(this.#headers); }
  getHeaders() { return { ...this.#headers }; }
  hasHeader(name) { return name in this.#headers; }
  removeHeader(name) { delete this.#headers[name]; }
  setHeader(name, value) { this.#headers[name] = value; }
  get headersSent() { return this.#headersSent; }
  get statusCode() { return this.#statusCode; }
  set statusCode(value) { this.#statusCode = value; }
  get statusMessage() { return STATUS_CODES[this.#statusCode]; }

  writeHead(statusCode, statusMessage, headers) {
    if (typeof statusMessage !== 'string') headers = statusMessage;
    this.statusCode = statusCode;
    if (Array.isArray(headers)) {
      if (headers.length % 2 !== 0) throw new Error('headers is not valid');
      for (let n = 0; n < headers.length; n += 2) {
        if (headers[n]) this.setHeader(headers[n], headers[n + 1]);
      }
    } else if (headers) {
      for (const [key, value] of Object.entries(headers)) this.setHeader(key, value);
    }
    if (!this.#headersSent) this.#sendHead();
    return this;
  }
}

function retire(sid, stream) {
  if (stream.res === null && stream.req === null) streams.delete(sid);
}

function context() {
  const absent = async () => { throw new Error('NOT_IMPLEMENTED: the emulator has no Dapr adaptor; use a real Noslate node'); };
  return {
    Dapr: { '1.0': { invoke: absent, binding: absent } },
    sendBeacon(type) {
      if (typeof type !== 'string') throw new TypeError('type must be a string');
      return true;
    },
  };
}

function load(key, code, kind) {
  const parts = key.split('.');
  if (parts.length < 2) return () => { throw new Error(`Invalid handler key ${key}`); };
  const name = parts.pop();
  let found;
  try {
    found = require(path.join(code, ...parts))[name];
  } catch (e) {
    return () => { throw e; };
  }
  return typeof found === 'function' ? found : () => { throw new Error(`${kind} ${key} is not a function.`); };
}

let handler = () => { throw new Error('Worker is not initialized yet'); };

async function init(spec) {
  const initializer = spec.initializer ? load(spec.initializer, spec.code, 'Initializer') : null;
  handler = spec.handler
    ? load(spec.handler, spec.code, 'Handler')
    : () => { throw new Error('No handler specified'); };
  if (initializer) await initializer(context());
}

async function call(req, res) {
  await handler(context(), req, res);
}

function receive(type, sid, payload) {
  switch (type) {
    case T.Init:
      init(JSON.parse(payload)).then(
        () => frame(T.InitDone, 0, 0, null),
        e => {
          console.error('unexpected error on init', e);
          frame(T.InitFailed, 0, 0, null);
        }
      );
      return;
    case T.Invoke: {
      const req = new IncomingMessage(sid, JSON.parse(payload));
      const res = new ServerResponse(sid);
      streams.set(sid, { req, res });
      call(req, res).catch(e => {
        console.error('unexpected error on handler', e);
        res.destroy(e);
      });
      return;
    }
    case T.BodyEnd:
    case T.BodyAbort: {
      const stream = streams.get(sid);
      if (!stream || !stream.req) return;
      const req = stream.req;
      stream.req = null;
      retire(sid, stream);
      if (type === T.BodyEnd) req._arriveEnd();
      else req.destroy();
      return;
    }
    case T.Credit: {
      const stream = streams.get(sid);
      if (stream && stream.res) stream.res._credit(payload.readUInt32LE(0));
      return;
    }
    default:
  }
}

const head = Buffer.alloc(HEADER);
let headFill = 0;
let left = 0;
let parts = [];

socket.on('data', chunk => {
  let at = 0;
  while (at < chunk.length) {
    if (headFill < HEADER) {
      const size = Math.min(HEADER - headFill, chunk.length - at);
      chunk.copy(head, headFill, at, at + size);
      headFill += size;
      at += size;
      if (headFill < HEADER) return;
      left = head.readUInt32LE(0);
    }
    const type = head[4];
    const sid = head.readUInt32LE(6);
    const size = Math.min(left, chunk.length - at);
    if (size > 0) {
      const piece = chunk.subarray(at, at + size);
      at += size;
      left -= size;
      if (type === T.Body) {
        const stream = streams.get(sid);
        if (stream && stream.req) stream.req._arrive(piece);
      } else {
        parts.push(piece);
      }
    }
    if (left === 0) {
      headFill = 0;
      const payload = parts.length === 1 ? parts[0] : Buffer.concat(parts);
      parts = [];
      if (type !== T.Body) receive(type, sid, payload);
    }
  }
});
socket.on('connect', () => frame(T.Hello, 0, 0, Buffer.from(credential, 'utf8')));
socket.on('error', () => exit(1));
socket.on('close', () => exit(1));
