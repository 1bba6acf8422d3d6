// An SMSC made with npm's smpp: accepts any bind and every submit_sm, puts long messages together by their UDH, and
// writes one JSON line for each whole message: {"to", "from", "text", "parts", "data_coding", "message_ids"}.
//
//   node node_smsc.js PORT OUTPUT [receipts]
//
// With "receipts" it sends one for each part, on any bound session: ids in decimal (responses have them in hexadecimal),
// every fifth with an ENROUTE before, every seventh before the response, every tenth twice, every fourth in
// message_payload, every ninth says UNDELIV. On SIGTERM it writes {"binds", "submits", "errors", "unfinished",
// "receipts", "answered"} as its last line and ends.
'use strict';

const fs = require('fs');
const smpp = require('smpp');

const [port, output, withReceipts] = [Number(process.argv[2]), process.argv[3], process.argv[4] === 'receipts'];
const out = fs.openSync(output, 'w');
const totals = { binds: 0, submits: 0, errors: [], unfinished: 0, receipts: 0, answered: 0 };
const sessions = [];
const unfinished = new Map();
let lines = [];
let nextId = 0;

function flush() {
  if (lines.length > 0) fs.writeSync(out, lines.join(''));
  lines = [];
}

function whole(pdu, parts, ids) {
  lines.push(JSON.stringify({
    to: pdu.destination_addr, from: pdu.source_addr, text: parts.join(''), parts: parts.length, data_coding: pdu.data_coding,
    message_ids: ids,
  }) + '\n');
  if (lines.length >= 256) flush();
}

function accept(pdu, id) {
  const { udh, message } = pdu.short_message;
  const concatenation = (udh || []).find((element) => element[0] === 0 && element.length === 5);
  if (!concatenation) return whole(pdu, [message], [id]);
  const [reference, total, part] = [concatenation[2], concatenation[3], concatenation[4]];
  const key = [pdu.source_addr, pdu.destination_addr, reference, total].join('|');
  const of = unfinished.get(key) || { texts: [], ids: [] };
  unfinished.set(key, of);
  if (of.texts[part - 1] !== undefined) totals.errors.push(`part ${part} of ${key} twice`);
  of.texts[part - 1] = message;
  of.ids[part - 1] = id;
  if (Object.keys(of.texts).length < total) return;
  unfinished.delete(key);
  whole(pdu, of.texts, of.ids);
}

function receipt(pdu, number, stat) {
  const session = sessions[number % sessions.length];
  const text = `id:${String(number).padStart(10, '0')} sub:001 dlvrd:001 submit date:2611221000 done date:2611221001 stat:${stat} err:000 text:x`;
  const fields = {
    source_addr_ton: 1, source_addr_npi: 1, source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4,
  };
  if (number % 4 === 0) fields.message_payload = text;
  else fields.short_message = text;
  totals.receipts++;
  session.deliver_sm(fields, (response) => {
    if (response.command_status === 0) totals.answered++;
    else totals.errors.push(`receipt of ${number} was refused with ${response.command_status}`);
  });
}

function receipts(pdu, number) {
  if (number % 5 === 0) receipt(pdu, number, 'ENROUTE');
  const stat = number % 9 === 0 ? 'UNDELIV' : 'DELIVRD';
  receipt(pdu, number, stat);
  if (number % 10 === 0) receipt(pdu, number, stat);
}

const server = smpp.createServer((session) => {
  const bind = (pdu) => {
    totals.binds++;
    session.send(pdu.response({ system_id: 'node' }));
    sessions.push(session);
  };
  session.on('bind_transceiver', bind);
  session.on('bind_transmitter', bind);
  session.on('bind_receiver', bind);
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('submit_sm', (pdu) => {
    totals.submits++;
    const id = (++nextId).toString(16).padStart(8, '0');
    try {
      accept(pdu, id);
      const early = withReceipts && nextId % 7 === 0;
      if (early) receipts(pdu, nextId);
      session.send(pdu.response({ message_id: id }));
      if (withReceipts && !early) receipts(pdu, nextId);
    } catch (error) {
      totals.errors.push(String(error));
      session.send(pdu.response({ command_status: smpp.ESME_RSYSERR }));
    }
  });
  session.on('unbind', (pdu) => {
    session.send(pdu.response());
    session.close();
  });
  session.on('error', (error) => totals.errors.push(String(error)));
});

process.on('SIGTERM', () => {
  totals.unfinished = unfinished.size;
  lines.push(JSON.stringify(totals) + '\n');
  flush();
  process.exit(0);
});

server.listen(port, '127.0.0.1', () => console.log(`listening on ${port}`));
