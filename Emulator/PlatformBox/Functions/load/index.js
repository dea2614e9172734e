'use strict';
const fs = require('fs');
const path = require('path');

// Each execution leaves two lines, "start ID" and "end ID", in a file of this worker's own. Written synchronously and appended,
// so that what was noted survives a SIGKILL of the worker.
const notes = fs.openSync(path.join(process.env.BOX_EXECUTIONS, `${process.env.NOSLATE_WORKER_ID}.log`), 'a');
const note = (what, id) => fs.writeSync(notes, `${what} ${id}\n`);
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

async function read(req) {
  let bytes = 0;
  for await (const chunk of req) bytes += chunk.length;
  return bytes;
}

function answer(res, status, text) {
  res.writeHead(status, { 'content-type': 'text/plain' });
  res.end(text);
}

// What the query parameter "do" names; n is a number of bytes, lines or milliseconds. An event call has no query.
async function run(id, req, res) {
  const query = new URL(req.url, 'http://localhost').searchParams;
  const n = Number.parseInt(query.get('n') || '0', 10);
  switch (query.get('do')) {
    case 'short':
      answer(res, 200, `short ${id}\n`);
      break;
    case 'slow':
      await pause(n);
      answer(res, 200, `slow ${id}\n`);
      break;
    case 'stream':
      res.writeHead(200, { 'content-type': 'text/plain' });
      for (let line = 1; line <= n && !res.destroyed; line++) {
        res.write(`line ${line} of ${n} ${id}\n`);
        if (line < n) await pause(30);
      }
      res.end();
      break;
    case 'upload':
      answer(res, 200, `upload ${await read(req)} ${id}\n`);
      break;
    case 'status':
      answer(res, 500, `status ${id}\n`);
      break;
    case 'throw':
      throw new Error('the schedule asked for this');
    case 'cut':
      res.writeHead(200, { 'content-type': 'text/plain' });
      res.write(`cut ${id}\n`);
      throw new Error('the schedule asked for this');
    case 'exit':
      process.exit(1);
      break;
    default:
      answer(res, 200, `event ${await read(req)} ${id}\n`);
  }
}

exports.handler = async (ctx, req, res) => {
  const id = req.headers['x-request-id'];
  note('start', id);
  try {
    await run(id, req, res);
  } finally {
    note('end', id);
  }
};
