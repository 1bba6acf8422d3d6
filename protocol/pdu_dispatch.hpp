#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "protocol/command_id.hpp"
#include "protocol/pdu.hpp"

namespace trunkline::protocol {

/// Calls `function(std::type_identity<Pdu>())` with the struct of a command (SMPP 3.4, 5.1.2.1; 5.0, 4.7.5); returns
/// false for an unknown command and otherwise what the function returns. For code that treats all PDUs alike: printers,
/// fuzzers, generators.
template <class Function>
bool with_pdu_type(command_id id, Function&& function) {
  switch (id) {
    case command_id::bind_receiver:
      return std::invoke(function, std::type_identity<bind_request>());
    case command_id::bind_receiver_resp:
      return std::invoke(function, std::type_identity<bind_resp>());
    case command_id::bind_transmitter:
      return std::invoke(function, std::type_identity<bind_request>());
    case command_id::bind_transmitter_resp:
      return std::invoke(function, std::type_identity<bind_resp>());
    case command_id::query_sm:
      return std::invoke(function, std::type_identity<query_sm>());
    case command_id::query_sm_resp:
      return std::invoke(function, std::type_identity<query_sm_resp>());
    case command_id::submit_sm:
      return std::invoke(function, std::type_identity<submit_sm>());
    case command_id::submit_sm_resp:
      return std::invoke(function, std::type_identity<submit_sm_resp>());
    case command_id::deliver_sm:
      return std::invoke(function, std::type_identity<deliver_sm>());
    case command_id::deliver_sm_resp:
      return std::invoke(function, std::type_identity<deliver_sm_resp>());
    case command_id::unbind:
      return std::invoke(function, std::type_identity<unbind>());
    case command_id::unbind_resp:
      return std::invoke(function, std::type_identity<unbind_resp>());
    case command_id::replace_sm:
      return std::invoke(function, std::type_identity<replace_sm>());
    case command_id::replace_sm_resp:
      return std::invoke(function, std::type_identity<replace_sm_resp>());
    case command_id::cancel_sm:
      return std::invoke(function, std::type_identity<cancel_sm>());
    case command_id::cancel_sm_resp:
      return std::invoke(function, std::type_identity<cancel_sm_resp>());
    case command_id::bind_transceiver:
      return std::invoke(function, std::type_identity<bind_request>());
    case command_id::bind_transceiver_resp:
      return std::invoke(function, std::type_identity<bind_resp>());
    case command_id::outbind:
      return std::invoke(function, std::type_identity<outbind>());
    case command_id::enquire_link:
      return std::invoke(function, std::type_identity<enquire_link>());
    case command_id::enquire_link_resp:
      return std::invoke(function, std::type_identity<enquire_link_resp>());
    case command_id::submit_multi:
      return std::invoke(function, std::type_identity<submit_multi>());
    case command_id::submit_multi_resp:
      return std::invoke(function, std::type_identity<submit_multi_resp>());
    case command_id::alert_notification:
      return std::invoke(function, std::type_identity<alert_notification>());
    case command_id::data_sm:
      return std::invoke(function, std::type_identity<data_sm>());
    case command_id::data_sm_resp:
      return std::invoke(function, std::type_identity<data_sm_resp>());
    case command_id::broadcast_sm:
      return std::invoke(function, std::type_identity<broadcast_sm>());
    case command_id::broadcast_sm_resp:
      return std::invoke(function, std::type_identity<broadcast_sm_resp>());
    case command_id::query_broadcast_sm:
      return std::invoke(function, std::type_identity<query_broadcast_sm>());
    case command_id::query_broadcast_sm_resp:
      return std::invoke(function, std::type_identity<query_broadcast_sm_resp>());
    case command_id::cancel_broadcast_sm:
      return std::invoke(function, std::type_identity<cancel_broadcast_sm>());
    case command_id::cancel_broadcast_sm_resp:
      return std::invoke(function, std::type_identity<cancel_broadcast_sm_resp>());
    case command_id::generic_nack:
      return std::invoke(function, std::type_identity<generic_nack>());
  }
  return false;
}

}  // namespace trunkline::protocol
