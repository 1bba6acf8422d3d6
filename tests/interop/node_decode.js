// Decodes PDUs, one in hexadecimal a line of standard input, with npm's smpp and prints what it read as JSON lines. Its
// filters are switched off: they turn times, texts and structures into JavaScript's, from which the octets cannot be told.
'use strict';
const { PDU } = require('smpp');
PDU.maxLength = 1 << 20;
PDU.prototype._filter = function () {};
const plain = (key, value) => {
  if (value && value.type === 'Buffer') return { hex: Buffer.from(value.data).toString('hex') };
  return value;
};
const lines = require('fs').readFileSync(0, 'latin1').split('\n');
const out = [];
for (const line of lines) {
  if (!line) continue;
  try {
    out.push(JSON.stringify(new PDU(Buffer.from(line, 'hex')), plain));
  } catch (error) {
    out.push(JSON.stringify({ error: error.code }));
  }
}
process.stdout.write(out.join('\n') + '\n');
