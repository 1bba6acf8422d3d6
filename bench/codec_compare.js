// The codec of npm's smpp alone: PDU.toBuffer and PDU.fromBuffer of the PDUs that protocol_bench measures. Prints one JSON
// object, nanoseconds of CPU a PDU, the best of several rounds. Run by bench/codec_compare.sh.
'use strict';
const path = require('path');
const { PDU } = require(path.join(__dirname, '../tests/interop/node_modules/smpp'));

const submit = () => new PDU('submit_sm', {
  sequence_number: 1, source_addr_ton: 5, source_addr: 'Trunkline', dest_addr_ton: 1, dest_addr_npi: 1,
  destination_addr: '4915100000001', validity_period: '000001000000000R', registered_delivery: 1, data_coding: 0,
  short_message: Buffer.alloc(120, 'a'),
});
const submitOctets = submit().toBuffer();
const respOctets = new PDU('submit_sm_resp', { sequence_number: 1, message_id: '0A1B2C3D4E' }).toBuffer();
const deliverOctets = new PDU('deliver_sm', {
  sequence_number: 1, source_addr: '4915100000001', destination_addr: '12345', esm_class: 4, data_coding: 0,
  short_message: Buffer.from('id:0000012345 sub:001 dlvrd:001 submit date:2611222030 done date:2611222031 stat:DELIVRD err:000 text:Hello'),
  receipted_message_id: '0000012345', message_state: 2,
}).toBuffer();

let kept = 0; // so that nothing can be optimised away
function measure(step) {
  const microseconds = Number(process.env.SECONDS_EACH || 0.3) * 1e6;
  let best = Infinity;
  for (let round = 0; round < 5; ++round) {
    const begin = process.cpuUsage(); // CPU time, like protocol_bench's: others may be at work on the machine
    let count = 0, used = 0;
    while (used < microseconds) {
      for (let i = 0; i < 500; ++i) kept += step();
      count += 500;
      const since = process.cpuUsage(begin);
      used = since.user + since.system;
    }
    best = Math.min(best, used * 1000 / count);
  }
  return best;
}

console.log(JSON.stringify({
  'encode_submit_sm/120': measure(() => submit().toBuffer().length),
  decode_submit_sm: measure(() => PDU.fromBuffer(submitOctets).command_length),
  decode_submit_sm_resp: measure(() => PDU.fromBuffer(respOctets).command_length),
  decode_deliver_sm: measure(() => PDU.fromBuffer(deliverOctets).command_length),
}));
