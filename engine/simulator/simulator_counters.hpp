#pragma once

#include <cstdint>

#include "engine/runtime/counter.hpp"

namespace trunkline::engine {

/// What the sessions of one simulator thread have done; written by that thread, read by any.
struct simulator_counters {
  counter binds;  ///< accepted
  counter binds_refused;
  counter submits;           ///< submit_sm received, malformed ones included
  counter accepted;          ///< of those: taken, with a message id
  counter throttled;         ///< of those: answered with ESME_RTHROTTLED
  counter refused;           ///< of those: answered with another error
  counter dropped;           ///< accepted and deliberately not answered
  counter receipts;          ///< deliver_sm with a receipt sent, repeats included
  counter inbound;           ///< deliver_sm with a message of a mobile sent, repeats included
  counter deliveries_acked;  ///< deliver_sm_resp with ESME_ROK
  counter redeliveries;      ///< deliver_sm refused, unanswered or cut off, and put back
  counter enquire_links;     ///< received
  counter nacks;             ///< generic_nack received
  counter malformed;         ///< PDUs that could not be read
  counter tls_failed;        ///< connections without a TLS handshake
};

/// The sum over all threads at one moment.
struct simulator_totals {
  std::uint64_t binds = 0, binds_refused = 0, submits = 0, accepted = 0, throttled = 0, refused = 0, dropped = 0,
                receipts = 0, inbound = 0, deliveries_acked = 0, redeliveries = 0, enquire_links = 0, nacks = 0,
                malformed = 0, tls_failed = 0, sessions = 0;

  void add(const simulator_counters& from) noexcept {
    binds += from.binds.value();
    binds_refused += from.binds_refused.value();
    submits += from.submits.value();
    accepted += from.accepted.value();
    throttled += from.throttled.value();
    refused += from.refused.value();
    dropped += from.dropped.value();
    receipts += from.receipts.value();
    inbound += from.inbound.value();
    deliveries_acked += from.deliveries_acked.value();
    redeliveries += from.redeliveries.value();
    enquire_links += from.enquire_links.value();
    nacks += from.nacks.value();
    malformed += from.malformed.value();
    tls_failed += from.tls_failed.value();
  }
};

}  // namespace trunkline::engine
