'use strict';

// Writes a line every 100 ms; the query parameter "n" says how many (default 10).
exports.handler = async (ctx, req, res) => {
  const asked = new URL(req.url, 'http://localhost').searchParams.get('n');
  const count = Math.min(Math.max(Number.parseInt(asked || '10', 10) || 0, 0), 10000);
  res.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  for (let n = 1; n <= count && !res.destroyed; n++) {
    res.write(`line ${n} of ${count}\n`);
    if (n < count) await new Promise(resolve => setTimeout(resolve, 100));
  }
  res.end();
};
