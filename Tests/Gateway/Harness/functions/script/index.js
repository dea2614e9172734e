'use strict';
// Does what the request's x-script header says: a base64 JSON list of steps.
const fs = require('fs');

async function appears(path) {
  while (!fs.existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 2));
}

exports.handler = async (ctx, req, res) => {
  const steps = JSON.parse(Buffer.from(req.headers['x-script'], 'base64').toString());
  for (const [what, ...args] of steps) {
    switch (what) {
      case 'head': res.writeHead(args[0], args[1] || {}); break;
      case 'write': await new Promise((resolve) => res.write(args[0], resolve)); break;
      case 'bytes': await new Promise((resolve) => res.write(Buffer.alloc(args[0], 97), resolve)); break;
      case 'end': res.end(args[0]); break;
      case 'throw': throw new Error(args[0] || 'scripted');
      case 'throw-null': throw null;
      case 'reject': return Promise.reject(new Error('scripted'));
      case 'destroy': res.destroy(new Error('scripted')); break;
      case 'exit': process.exit(args[0] || 1); break;
      case 'uncaught': setImmediate(() => { throw new Error('uncaught'); }); await new Promise(() => {}); break;
      case 'unhandled': Promise.reject(new Error('unhandled')); await new Promise(() => {}); break;
      case 'await': await appears(args[0]); break;
      case 'touch': fs.writeFileSync(args[0], ''); break;
      case 'append': fs.appendFileSync(args[0], args[1] + '\n'); break;
      case 'hang': await new Promise(() => {}); break;
      case 'get': { // calls the gateway from inside the container; answers with the status it got
        const status = await new Promise((resolve, reject) => {
          require('http').get(args[0], { headers: args[1] || {} }, (answer) => { answer.resume(); resolve(answer.statusCode); }).on('error', reject);
        });
        res.end(String(status));
        break;
      }
      case 'closed': // tells by a file that the request or the response was broken off
        res.on('close', () => fs.writeFileSync(args[0], ''));
        res.on('error', () => fs.writeFileSync(args[0], ''));
        req.on('error', () => fs.writeFileSync(args[0], ''));
        req.on('close', () => { if (!req.readableEnded) fs.writeFileSync(args[0], ''); });
        break;
      case 'read': { // reads the body up to its end and remembers its length
        let length = 0;
        for await (const chunk of req) length += chunk.length;
        req.total = length;
        break;
      }
      case 'end-total': res.end(String(req.total)); break;
      case 'read-some': { // reads until this many bytes came
        let length = 0;
        await new Promise((resolve) => req.on('data', (chunk) => { length += chunk.length; if (length >= args[0]) resolve(); }));
        break;
      }
      case 'echo': for await (const chunk of req) await new Promise((resolve) => res.write(chunk, resolve)); res.end(); break;
      default: throw new Error('no such step: ' + what);
    }
  }
};
