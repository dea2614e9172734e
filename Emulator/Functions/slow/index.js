'use strict';

// Answers after as many milliseconds as the query parameter "ms" says (default 2000).
exports.handler = async (ctx, req, res) => {
  const asked = new URL(req.url, 'http://localhost').searchParams.get('ms');
  const ms = Math.min(Math.max(Number.parseInt(asked || '2000', 10) || 0, 0), 600000);
  await new Promise(resolve => setTimeout(resolve, ms));
  res.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  res.end(`answered after ${ms} ms\n`);
};
