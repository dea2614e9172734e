'use strict';
// Tells by its answer which handler was called, and with which url.
for (const name of ['a', 'b', 'c', 'd']) {
  exports[name] = async (ctx, req, res) => {
    res.writeHead(200, { 'content-type': 'text/plain' });
    res.end(name + ' ' + req.url);
  };
}
