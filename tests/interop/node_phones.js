// An SMSC made with npm's smpp that delivers long messages of phones: in parts, shuffled, some twice, by UDH (8 and 16 bit references)
// and by the sar_ parameters, in GSM 7-bit and UCS-2. A part is delivered on any session until it is answered with ESME_ROK.
//
//   node node_phones.js PORT MESSAGES SEED OUTPUT
//
// Writes {"from", "text"} for each message first; prints "all answered" when everything was.
'use strict';

const fs = require('fs');
const smpp = require('smpp');

const [port, count] = [Number(process.argv[2]), Number(process.argv[3])];
let state = Number(process.argv[4]) >>> 0;
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 2 ** 32 * n);
};

const waiting = [];
const lines = [];
for (let i = 0; i < count; i++) {
  const ucs2 = i % 3 === 1;
  const pieces = [];
  const total = 1 + random(5);
  for (let part = 1; part <= total; part++) pieces.push(`${part}/${total} of ${i} ${ucs2 ? 'žluťoučký kůň 😀' : 'plain'} `);
  const from = String(420600000000 + i);
  lines.push(JSON.stringify({ from, text: pieces.join(''), parts: total }) + '\n');
  pieces.forEach((text, index) => {
    const coding = ucs2 ? 8 : 0;
    const pdu = { source_addr: from, destination_addr: '12345', data_coding: coding };
    const octets = ucs2 ? Buffer.from(text, 'utf16le').swap16() : Buffer.from(text, 'latin1');
    pdu.short_message = octets;
    if (total > 1 && i % 2 === 0) {
      const wide = i % 4 === 0;
      const head = wide ? [6, 8, 4, i >> 8 & 255, i & 255, total, index + 1] : [5, 0, 3, i & 255, total, index + 1];
      pdu.esm_class = 0x40;
      pdu.short_message = Buffer.concat([Buffer.from(head), octets]);
    } else if (total > 1) {
      Object.assign(pdu, { sar_msg_ref_num: i, sar_total_segments: total, sar_segment_seqnum: index + 1 });
    }
    waiting.push(pdu);
    if (total > 1 && random(4) === 0) waiting.push({ ...pdu });
  });
}
for (let i = waiting.length - 1; i > 0; i--) {
  const j = random(i + 1);
  [waiting[i], waiting[j]] = [waiting[j], waiting[i]];
}
fs.writeFileSync(process.argv[5], lines.join(''));

let open = waiting.length;
const server = smpp.createServer((session) => {
  const mine = new Set();
  const again = () => { for (const pdu of mine) waiting.push(pdu); mine.clear(); };
  const deliver = () => {
    while (mine.size < 20 && waiting.length > 0) {
      const pdu = waiting.pop();
      mine.add(pdu);
      session.deliver_sm({ ...pdu }, (answer) => {
        if (!mine.delete(pdu)) return;
        if (answer.command_status !== 0) waiting.push(pdu);
        else if (--open === 0) console.log('all answered');
      });
    }
  };
  const timer = setInterval(deliver, 5);
  session.on('bind_transceiver', (pdu) => session.send(pdu.response({ system_id: 'node' })));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  const end = () => { clearInterval(timer); again(); };
  session.on('close', end);
  session.on('error', end);
});
process.on('SIGTERM', () => process.exit(0));
server.listen(port, '127.0.0.1', () => console.log(`listening on ${port}`));
