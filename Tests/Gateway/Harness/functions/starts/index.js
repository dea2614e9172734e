'use strict';
// Initializers that go wrong.
exports.throwing = async () => { throw new Error('no start'); };
exports.exiting = async () => { process.exit(1); };
exports.slow = () => new Promise(() => {});
exports.handler = async (ctx, req, res) => { res.end('started'); };
