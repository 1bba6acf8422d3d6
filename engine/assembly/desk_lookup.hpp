#pragma once

#include "engine/inbound/sent_lookup.hpp"
#include "engine/report/receipt_desk.hpp"

namespace trunkline::engine {

/// Looks answered messages up in the store that receipts are matched with. Outputs thread, as both of its sides.
class desk_lookup final : public sent_lookup {
 public:
  explicit desk_lookup(receipt_desk& desk) : desk_(desk) {}
  std::optional<answered_line> find_last_sent(std::string_view number, std::string_view sender, std::int64_t since_ms,
                                              bool details) override;

 private:
  receipt_desk& desk_;
};

}  // namespace trunkline::engine
