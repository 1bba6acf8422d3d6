#include "engine/inbound/made_messages.hpp"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "engine/dispatch/admission.hpp"
#include "engine/journal/records.hpp"
#include "engine/spool/made_batch.hpp"

namespace trunkline::engine {

void made_messages::adopt(recovered_made batch, bool appeared) {
  known_.insert(batch.ids.begin(), batch.ids.end());
  if (!appeared) to_.publish(incoming_, std::move(batch.name), std::move(batch.contents));
}

void made_messages::add(std::uint64_t id, std::string_view lines, std::uint32_t count) {
  if (lines_ == 0) {
    first_ = time_.steady();
    contents_ = "{\"batch\":{\"name\":\"inbound\"}}\n";
  }
  contents_ += lines;
  ids_.push_back(id);
  lines_ += count;
}

void made_messages::rotate(outcome_sink& journal) {
  if (lines_ == 0) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time_.wall().time_since_epoch()).count();
  std::string name = fmt::format("{}{:%Y%m%d}-{:x}-{:06d}.jsonl", made_prefix,
                                 fmt::gmtime(static_cast<std::time_t>(seconds)), start_, ++number_);
  const journal_records::made_batch r{name, {reinterpret_cast<const char*>(ids_.data()), ids_.size() * 8}, contents_};
  auto* record = new control_record;
  record->type = static_cast<std::uint8_t>(journal_records::type::made_batch);
  record->payload.resize(journal_records::encoded_bytes(r));
  record->payload.resize(journal_records::encode(r, record->payload));
  // In its place among the events, so that a mark that comes by later finds it handed over.
  record->at_outputs = [this, name = std::move(name), contents = std::exchange(contents_, {})]() mutable {
    to_.publish(incoming_, std::move(name), std::move(contents));
  };
  journal.event(event_kind::control, record);
  ids_.clear();
  lines_ = 0;
}

}  // namespace trunkline::engine
