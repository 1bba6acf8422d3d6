#include "protocol/command_id.hpp"

#include <algorithm>
#include <array>

namespace trunkline::protocol {
namespace {

struct command_row {
  command_id id;
  std::string_view name;
  std::uint8_t introduced;
};

/// Sorted by number.
constexpr auto commands = std::to_array<command_row>({
    {command_id::bind_receiver, "bind_receiver", 0x33},
    {command_id::bind_transmitter, "bind_transmitter", 0x33},
    {command_id::query_sm, "query_sm", 0x33},
    {command_id::submit_sm, "submit_sm", 0x33},
    {command_id::deliver_sm, "deliver_sm", 0x33},
    {command_id::unbind, "unbind", 0x33},
    {command_id::replace_sm, "replace_sm", 0x33},
    {command_id::cancel_sm, "cancel_sm", 0x33},
    {command_id::bind_transceiver, "bind_transceiver", 0x34},
    {command_id::outbind, "outbind", 0x34},
    {command_id::enquire_link, "enquire_link", 0x33},
    {command_id::submit_multi, "submit_multi", 0x33},
    {command_id::alert_notification, "alert_notification", 0x34},
    {command_id::data_sm, "data_sm", 0x34},
    {command_id::broadcast_sm, "broadcast_sm", 0x50},
    {command_id::query_broadcast_sm, "query_broadcast_sm", 0x50},
    {command_id::cancel_broadcast_sm, "cancel_broadcast_sm", 0x50},
    {command_id::generic_nack, "generic_nack", 0x33},
    {command_id::bind_receiver_resp, "bind_receiver_resp", 0x33},
    {command_id::bind_transmitter_resp, "bind_transmitter_resp", 0x33},
    {command_id::query_sm_resp, "query_sm_resp", 0x33},
    {command_id::submit_sm_resp, "submit_sm_resp", 0x33},
    {command_id::deliver_sm_resp, "deliver_sm_resp", 0x33},
    {command_id::unbind_resp, "unbind_resp", 0x33},
    {command_id::replace_sm_resp, "replace_sm_resp", 0x33},
    {command_id::cancel_sm_resp, "cancel_sm_resp", 0x33},
    {command_id::bind_transceiver_resp, "bind_transceiver_resp", 0x34},
    {command_id::enquire_link_resp, "enquire_link_resp", 0x33},
    {command_id::submit_multi_resp, "submit_multi_resp", 0x33},
    {command_id::data_sm_resp, "data_sm_resp", 0x34},
    {command_id::broadcast_sm_resp, "broadcast_sm_resp", 0x50},
    {command_id::query_broadcast_sm_resp, "query_broadcast_sm_resp", 0x50},
    {command_id::cancel_broadcast_sm_resp, "cancel_broadcast_sm_resp", 0x50},
});

static_assert(std::is_sorted(commands.begin(), commands.end(),
                             [](const command_row& a, const command_row& b) { return a.id < b.id; }));

const command_row* find(command_id id) noexcept {
  const auto* row = std::lower_bound(commands.begin(), commands.end(), id,
                                     [](const command_row& a, command_id wanted) { return a.id < wanted; });
  return row != commands.end() && row->id == id ? row : nullptr;
}

}  // namespace

std::string_view name_of(command_id id) noexcept {
  const command_row* row = find(id);
  return row != nullptr ? row->name : std::string_view();
}

std::optional<command_id> command_of(std::string_view name) noexcept {
  for (const command_row& row : commands) {
    if (row.name == name) return row.id;
  }
  return std::nullopt;
}

bool is_known(command_id id) noexcept { return find(id) != nullptr; }

bool has_response(command_id id) noexcept { return !is_response(id) && is_known(id) && is_known(response_of(id)); }

std::uint8_t introduced_in(command_id id) noexcept {
  const command_row* row = find(id);
  return row != nullptr ? row->introduced : std::uint8_t{0};
}

}  // namespace trunkline::protocol
