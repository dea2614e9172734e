'use strict';
// A stand-in for turfd: answers on its socket until SIGTERM. With a file to name it, it leaves a process behind that nobody waits for.
const fs = require('fs');
const net = require('net');
const { spawn } = require('child_process');

const [socket, orphan, seconds] = process.argv.slice(2);
if (orphan) {
  // The shell ends at once; what it has begun becomes an orphan.
  spawn('sh', ['-c', `sleep ${seconds} & echo $! > ${orphan}`], { stdio: 'ignore' });
}

try { fs.unlinkSync(socket); } catch { /* there was none */ }
const server = net.createServer((connection) => connection.on('error', () => {}).resume());
server.listen(socket, () => console.log('turfd: listening'));
process.on('SIGTERM', () => {
  console.log('turfd: bye');
  process.exit(0);
});
