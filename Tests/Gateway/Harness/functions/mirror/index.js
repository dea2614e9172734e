'use strict';
// Answers with what it saw of the request.
exports.handler = async (ctx, req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const raw = [];
  const list = req.rawHeaders;
  for (let i = 0; i < list.length; i++) {
    if (Array.isArray(list[i])) raw.push(list[i]);
    else { raw.push([list[i], list[i + 1]]); i++; }
  }
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(JSON.stringify({
    method: req.method,
    url: req.url,
    headers: raw,
    body: Buffer.concat(chunks).toString('base64'),
  }));
};
