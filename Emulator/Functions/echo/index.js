'use strict';

// Streams the request body back as it comes; method and url return as headers.
exports.handler = async (ctx, req, res) => {
  const headers = { 'x-echo-method': req.method, 'x-echo-url': req.url };
  for (const [name, value] of Object.entries(req.headers)) {
    if (name.toLowerCase() === 'content-type') headers['content-type'] = value;
  }
  res.writeHead(200, headers);
  req.pipe(res);
};
