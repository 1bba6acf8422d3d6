// Hands messages to Kannel's smsbox by HTTP, 64 requests at a time on connections that stay open. Arguments: PORT MESSAGES.
'use strict';
const http = require('http');
const [port, messages] = process.argv.slice(2, 4).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const text = encodeURIComponent('Your parcel arrives tomorrow between 9 and 11. Track it at example.com/t or call us. Thank you, Example Ltd.'.padEnd(120, '.'));
let begun = 0, done = 0;

function next() {
  if (begun === messages) return;
  const to = 491700000000 + begun++;
  http.get({ port, host: '127.0.0.1', agent, path: `/cgi-bin/sendsms?username=tester&password=secret&to=${to}&text=${text}` }, (answer) => {
    if (answer.statusCode !== 202) throw new Error(`status ${answer.statusCode}`);
    answer.resume();
    answer.on('end', () => (++done === messages ? process.exit(0) : next()));
  }).on('error', (error) => { throw error; });
}
for (let i = 0; i < 64; ++i) next();
