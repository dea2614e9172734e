'use strict';

// Fails in the way that the query parameter "how" names (default throw).
exports.handler = async (ctx, req, res) => {
  const how = new URL(req.url, 'http://localhost').searchParams.get('how') || 'throw';
  switch (how) {
    case 'throw':
      throw new Error('this function was asked to throw');
    case 'reject':
      return Promise.reject(new Error('this function was asked to reject'));
    case 'exit':
      process.exit(1);
      break;
    case 'after-head':
      res.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      res.write('the beginning of an answer\n');
      throw new Error('this function was asked to fail after its head');
    case 'status':
      res.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
      res.end('this function was asked to answer 500\n');
      break;
    default:
      res.writeHead(400, { 'content-type': 'text/plain; charset=utf-8' });
      res.end('how is one of throw, reject, exit, after-head, status\n');
  }
};
