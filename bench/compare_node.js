// npm's smpp as fast as it goes: SESSIONS binds, WINDOW unanswered submit_sm on each. Corked: what one turn of the event loop
// sends goes out in one write. Arguments: PORT SESSIONS WINDOW MESSAGES plain|corked. Prints one JSON object.
'use strict';
const path = require('path');
const smpp = require(path.join(__dirname, '../tests/interop/node_modules/smpp'));

const [port, sessions, window, messages] = process.argv.slice(2, 6).map(Number);
const corked = process.argv[6] === 'corked';
const text = 'Your parcel arrives tomorrow between 9 and 11. Track it at example.com/t or call us. Thank you, Example Ltd.'.padEnd(120, '.');
let bound = 0, sent = 0, answered = 0, begun = 0n;

function fill(session) {
  const stream = session.socket;
  if (corked) stream.cork();
  while (session.open < window && sent < messages) {
    ++sent;
    ++session.open;
    session.submit_sm({
      source_addr_ton: 5, source_addr: 'TRUNKLINE', dest_addr_ton: 1, dest_addr_npi: 1,
      destination_addr: String(491700000000 + sent), short_message: text,
    }, (pdu) => {
      if (pdu.command_status !== 0) throw new Error(`status ${pdu.command_status}`);
      --session.open;
      if (++answered === messages) return done();
      if (!corked) return fill(session);
      // One filling for all answers of this turn.
      if (!session.waiting) {
        session.waiting = true;
        setImmediate(() => { session.waiting = false; fill(session); });
      }
    });
  }
  if (corked) stream.uncork();
}

function done() {
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  console.log(JSON.stringify({ messages, seconds, rate: messages / seconds }));
  process.exit(0);
}

const all = [];
for (let i = 0; i < sessions; ++i) {
  const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` }, () => {
    session.bind_transceiver({ system_id: 'bench', password: 'bench' }, (pdu) => {
      if (pdu.command_status !== 0) throw new Error('the bind was refused');
      session.socket.setNoDelay(true);
      session.open = 0;
      if (++bound < sessions) return;
      begun = process.hrtime.bigint();
      all.forEach(fill);
    });
  });
  session.on('error', (error) => { throw error; });
  all.push(session);
}
