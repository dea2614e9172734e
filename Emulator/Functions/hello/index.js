'use strict';

// Greets by the query parameter "name".
exports.handler = async (ctx, req, res) => {
  const name = new URL(req.url, 'http://localhost').searchParams.get('name') || 'world';
  res.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  res.end(`Hello, ${name}!\n`);
};
