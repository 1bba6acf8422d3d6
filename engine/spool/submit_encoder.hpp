#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/dispatch/carrier.hpp"
#include "engine/dispatch/slab.hpp"
#include "engine/spool/record.hpp"
#include "engine/spool/submit_text.hpp"
#include "router/route_table.hpp"

namespace trunkline::engine {

/// What is known of a message besides its line.
struct message_context {
  batch_control* owner = nullptr;
  std::uint32_t entry = 0;
  std::uint32_t line = 0;
  std::int64_t accepted_at_ms = 0;
  std::int64_t expires_at_ms = 0;
  std::int64_t now_ms = 0;
};

/// Turns a record into a message in the slab: the report head, and one ready submit_sm body a part for one carrier
/// (SMPP 3.4, 4.4.1). Belongs to one thread; no allocation once its buffers have grown.
class submit_encoder {
 public:
  explicit submit_encoder(slab::magazine& memory) : memory_(memory) {}

  /// Messages carry their sender's name along, so that replies find them.
  void keep_sender(bool keep) noexcept { keep_sender_ = keep; }

  enum class verdict : std::uint8_t {
    ready,      ///< `built` is the message
    refused,    ///< the text cannot go by this carrier: see error()
    no_memory,  ///< the slab is exhausted: try again later
  };

  /// `sender` is the one to use (message, route or carrier already considered); `max_slots` bounds what it may take.
  verdict encode(const record& from, std::string_view sender, const carrier_config& to, std::uint16_t carrier_id,
                 const message_context& context, std::uint32_t max_slots);
  /// The message made by the last `encode` that was `ready`.
  message* built() const noexcept { return built_; }
  /// Why the last `encode` refused.
  const record_error& error() const noexcept { return error_; }

  /// A message that ends here: the report head from what could be read of the line, and the reason. Null: no memory.
  message* finished(const record* from, router::message_status status, router::reason why, std::string_view text,
                    const message_context& context);

 private:
  void make_head(const record* from, const message_context& context);
  verdict refuse(router::reason why, std::string text);
  void copy_identity(message& m, const message_context& context) const noexcept;

  slab::magazine& memory_;
  message* built_ = nullptr;
  bool keep_sender_ = false;
  record_error error_;
  std::string head_;
  submit_text text_;
  std::vector<std::uint8_t> whole_;
  std::vector<std::uint8_t> tlvs_;
  std::vector<std::uint8_t> body_;
  std::vector<std::uint8_t> parts_;
};

/// Appends the members of a report line that come from the batch's own line: line, id, to, number, tags.
void append_report_head(std::string& out, std::uint32_t line, const record* from);

}  // namespace trunkline::engine
