'use strict';
// Bodies that don't fit into memory: /count counts what comes, /give?bytes=N writes N bytes; /wait?touch=A&until=B answers when B is there;
// /read?file=A tells what is in it, or why it can't be read.
const fs = require('fs');

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

exports.handler = async (ctx, req, res) => {
  const url = new URL(req.url, 'http://h');
  switch (url.pathname) {
    case '/count': {
      let count = 0;
      let next = 64 << 20;
      for await (const chunk of req) {
        count += chunk.length;
        if (count >= next) { // stands still from time to time, so that everything behind it fills up
          next += 64 << 20;
          await pause(50);
        }
      }
      res.writeHead(200);
      res.end(String(count));
      break;
    }
    case '/give': {
      let left = Number(url.searchParams.get('bytes'));
      const piece = Buffer.alloc(256 * 1024, 97);
      res.writeHead(200, { 'content-length': String(left) });
      while (left > 0) {
        const part = left < piece.length ? piece.subarray(0, left) : piece;
        left -= part.length;
        await new Promise((resolve) => res.write(part, resolve));
      }
      res.end();
      break;
    }
    case '/wait': {
      if (url.searchParams.has('head')) {
        res.writeHead(200);
        await new Promise((resolve) => res.write('begun', resolve));
      }
      fs.writeFileSync(url.searchParams.get('touch'), '');
      while (!fs.existsSync(url.searchParams.get('until'))) await pause(2);
      res.end('done');
      break;
    }
    case '/read': {
      let told;
      try {
        told = fs.readFileSync(url.searchParams.get('file'), 'latin1');
      } catch (error) {
        told = error.code;
      }
      res.writeHead(200);
      res.end(told);
      break;
    }
    default:
      res.writeHead(200);
      res.end('ok');
  }
};
