'use strict';
// A control plane of its own process: hands every connection on to the socket of the emulator, which is both planes in one.
const fs = require('fs');
const net = require('net');

const [socket, behind, deaf] = process.argv.slice(2);
if (deaf) process.on('SIGTERM', () => console.log('relay: deaf'));
try { fs.unlinkSync(socket); } catch { /* there was none */ }
net.createServer((front) => {
  const back = net.connect(behind);
  for (const [one, other] of [[front, back], [back, front]]) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
    one.pipe(other);
  }
}).listen(socket, () => console.log('relay: listening'));
