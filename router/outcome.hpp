#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace trunkline::router {

/// What finally became of a message. The names are those of the report; the numbers are written in the journal and are
/// never given a new meaning.
enum class message_status : std::uint8_t {
  sent = 0,       ///< every part was accepted by the SMSC
  failed = 1,     ///< refused for good
  expired = 2,    ///< its validity ended before it was sent
  rejected = 3,   ///< never sent: bad line, no route, blocked
  unknown = 4,    ///< may have gone out, and no answer came
  cancelled = 5,  ///< the batch was cancelled before it was sent
};
inline constexpr std::size_t message_status_count = 6;

/// Why a message did not end as `sent`: the closed list of `error.code` in reports. `command_status` stands for the
/// name of the last command_status, which is reported in its place. The numbers are written in the journal: append
/// only.
enum class reason : std::uint8_t {
  none = 0,
  command_status = 1,
  bad_json = 2,
  bad_field = 3,
  bad_number = 4,
  bad_sender = 5,
  bad_utf8 = 6,
  line_too_long = 7,
  too_long = 8,
  cannot_encode = 9,
  no_route = 10,
  no_sending_carrier = 11,
  unknown_carrier = 12,
  opted_out = 13,
  expired = 14,
  no_response = 15,
  cancelled = 16,
  attempts_exhausted = 17,
  file_changed = 18,
  interrupted = 19,
  peer_version = 20,
};
inline constexpr std::size_t reason_count = 21;

/// The order in which messages pass the lanes of a carrier; lower is earlier.
enum class priority : std::uint8_t { urgent = 0, normal = 1, bulk = 2 };
inline constexpr std::size_t priority_count = 3;

namespace detail {

inline constexpr std::array<std::string_view, message_status_count> message_status_names{
    "sent", "failed", "expired", "rejected", "unknown", "cancelled"};

inline constexpr std::array<std::string_view, priority_count> priority_names{"urgent", "normal", "bulk"};

struct reason_text {
  std::string_view name;
  std::string_view description;
};

inline constexpr std::array<reason_text, reason_count> reason_texts{{
    {"none", "no error"},
    {"command_status", "the carrier refused the message"},
    {"bad_json", "the line is not one JSON object"},
    {"bad_field", "a field is unknown, missing, repeated, or has a value that it cannot have"},
    {"bad_number", "the destination is not a number of 3 to 15 digits"},
    {"bad_sender", "the sender is neither up to 15 digits nor 1 to 11 printable ASCII characters"},
    {"bad_utf8", "the line is not UTF-8"},
    {"line_too_long", "the line is longer than the engine reads"},
    {"too_long", "the text needs more parts than allowed"},
    {"cannot_encode", "the text cannot be written in the encoding that was asked for"},
    {"no_route", "no route takes this message"},
    {"no_sending_carrier", "none of the carriers for this message can send"},
    {"unknown_carrier", "the carrier that the message names is not configured"},
    {"opted_out", "the recipient has opted out"},
    {"expired", "the validity ended before the message was sent"},
    {"no_response", "the carrier did not answer; the message may have gone out"},
    {"cancelled", "the batch was cancelled"},
    {"attempts_exhausted", "given up after the configured number of attempts"},
    {"file_changed", "the file of the batch was changed or damaged after it was accepted"},
    {"interrupted", "the engine stopped before the answer was known, and the batch says hold"},
    {"peer_version", "the carrier speaks a version of SMPP that has no way to carry this text"},
}};

}  // namespace detail

/// The name used in reports, metrics and summaries. Static storage.
constexpr std::string_view name(message_status status) noexcept {
  const auto index = static_cast<std::size_t>(status);
  return index < message_status_count ? detail::message_status_names[index] : std::string_view("unknown");
}

/// `error.code` of the report. Static storage.
constexpr std::string_view name(reason why) noexcept {
  const auto index = static_cast<std::size_t>(why);
  return index < reason_count ? detail::reason_texts[index].name : std::string_view("unknown_reason");
}

/// One short sentence for people, without a full stop: `error.message` of the report where nothing better is known.
constexpr std::string_view description(reason why) noexcept {
  const auto index = static_cast<std::size_t>(why);
  return index < reason_count ? detail::reason_texts[index].description : std::string_view("unknown reason");
}

/// The name used in batches, routes and metrics. Static storage.
constexpr std::string_view name(priority value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < priority_count ? detail::priority_names[index] : std::string_view("bulk");
}

/// The priority with exactly this name, or nothing.
constexpr std::optional<priority> parse_priority(std::string_view text) noexcept {
  for (std::size_t i = 0; i < priority_count; ++i)
    if (detail::priority_names[i] == text) return static_cast<priority>(i);
  return std::nullopt;
}

/// The status with exactly this name, or nothing.
constexpr std::optional<message_status> parse_message_status(std::string_view text) noexcept {
  for (std::size_t i = 0; i < message_status_count; ++i)
    if (detail::message_status_names[i] == text) return static_cast<message_status>(i);
  return std::nullopt;
}

}  // namespace trunkline::router
