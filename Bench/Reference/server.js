'use strict';

// The reference: a gateway as one writes it by hand from the platform's guide. An HTTP server turns each request into a duplex
// call of the data plane and pipes the answer back.
// Usage: node server.js WORKDIR FUNCTION; prints "ready PORT".
const http = require('node:http');
const path = require('node:path');
const { Readable } = require('node:stream');
const grpc = require('@grpc/grpc-js');
const protobuf = require('protobufjs');

const [, , workdir, functionName] = process.argv;
const timeout = 60_000;

const root = new protobuf.Root();
root.resolvePath = (_, target) => path.join(__dirname, '..', '..', 'Noslate', 'Protocol', path.basename(target));
root.loadSync('data.proto');
const InvokeRequest = root.lookupType('noslated.data.InvokeRequest');
const InvokeResponse = root.lookupType('noslated.data.InvokeResponse');

const PushServer = grpc.makeGenericClientConstructor({
  invoke: {
    path: '/noslated.data.PushServer/invoke',
    requestStream: true,
    responseStream: true,
    requestSerialize: (message) => InvokeRequest.encode(message).finish(),
    responseDeserialize: (bytes) => InvokeResponse.decode(bytes),
  },
});
const client = new PushServer(`unix://${path.join(workdir, 'socks', 'dp-0.sock')}`, grpc.credentials.createInsecure());

function pairs(rawHeaders) {
  const list = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    list.push({ key: rawHeaders[i].toLowerCase(), value: rawHeaders[i + 1] });
  }
  return list;
}

// The answer as a stream, as the platform's own client library gives it.
function invoke(name, req) {
  return new Promise((resolve, reject) => {
    const call = client.invoke();
    let response;
    call.on('data', (message) => {
      if (message.error) {
        const error = new Error(message.error.message);
        if (response) response.destroy(error);
        else reject(error);
        return;
      }
      if (!response) {
        response = new Readable({ read: () => call.resume(), destroy: (error, done) => { call.cancel(); done(error); } });
        response.status = message.result.status;
        response.headers = message.result.headers;
        resolve(response);
      }
      if (message.result.body.length > 0 && !response.push(message.result.body)) call.pause();
    });
    call.on('end', () => response && response.push(null));
    call.on('error', (error) => (response ? response.destroy(error) : reject(error)));

    call.write({ name, url: req.url, method: req.method, headers: pairs(req.rawHeaders), deadline: Date.now() + timeout });
    req.on('data', (chunk) => {
      if (!call.write({ body: chunk })) {
        req.pause();
        call.once('drain', () => req.resume());
      }
    });
    req.on('end', () => call.end());
  });
}

const server = http.createServer({ noDelay: true }, async (req, res) => {
  try {
    const response = await invoke(functionName, req);
    const headers = [];
    for (const { key, value } of response.headers) headers.push(key, value);
    res.writeHead(response.status, headers);
    response.pipe(res);
  } catch (error) {
    res.writeHead(500, { 'content-type': 'text/plain' });
    res.end(error.message);
  }
});

server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume();
