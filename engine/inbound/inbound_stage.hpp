#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "engine/inbound/inbound_plan.hpp"
#include "engine/inbound/made_messages.hpp"
#include "engine/inbound/optout_list.hpp"
#include "engine/inbound/part_store.hpp"
#include "engine/inbound/sent_lookup.hpp"
#include "engine/report/message_sink.hpp"
#include "engine/report/publisher.hpp"
#include "engine/report/rotating_output.hpp"
#include "engine/runtime/clock.hpp"
#include "engine/runtime/counter.hpp"
#include "engine/spool/phone_number.hpp"
#include "engine/spool/spool_paths.hpp"

namespace trunkline::engine {

struct inbound_options {
  std::chrono::milliseconds reassembly_ttl = std::chrono::hours(24);
  part_store::bounds parts;
  made_messages::limits made;
  std::uint64_t seed = 0;    ///< of hashes; 0: from the system
  std::string calling_code;  ///< of phones that carriers name nationally; empty: they are taken as they come
};

/// What becomes of received messages: put together, looked at by keywords and rules, written to inbound/, and answered
/// or forwarded. Everything runs on the outputs thread but where said otherwise.
class inbound_stage final : public message_sink {
 public:
  using fatal_hook = std::function<void(std::error_code, const std::string&)>;
  /// All references must outlive it.
  inbound_stage(const clock& time, const spool_paths& paths, publisher& shown, optout_list& optouts,
                std::shared_ptr<const inbound_plan> plan, inbound_options options, fatal_hook on_fatal);

  /// What tells this start from every other. Before anything is received.
  void name_start(std::uint64_t start);
  /// Where answered messages are looked up; null: nowhere. Before anything is received.
  void set_sent_lookup(sent_lookup* sent) noexcept { sent_ = sent; }
  /// Batches that an earlier run made. Before anything is received.
  void adopt(recovered_made batch, bool appeared) { made_.adopt(std::move(batch), appeared); }
  /// Any thread: from the next message on.
  void set_plan(std::shared_ptr<const inbound_plan> plan);

  // message_sink
  void received(const received_from& from, std::int64_t received_at_ms, std::span<const std::uint8_t> pdu) override;
  std::chrono::steady_clock::time_point step(outcome_sink& journal) override;
  void rotate_all() override;
  bool checkpoint(outcome_sink& journal) override;

  /// Any thread: nothing waits to be written or made (parts may wait for others).
  [[nodiscard]] bool idle() const noexcept { return idle_.load(std::memory_order_acquire); }
  [[nodiscard]] const part_store& parts() const noexcept { return parts_; }
  /// Any thread: calls `visit(carrier, route, messages)`.
  void for_each_count(const std::function<void(const std::string&, const std::string&, std::uint64_t)>& visit) const;
  counter forwarded;  ///< messages made of others
  counter replied;    ///< confirmations included

 private:
  void route(const received_message& m);
  void deliver(const received_message& m, const inbound_plan::action* action, std::string_view rule,
               const std::optional<answered_line>& answered, std::string_view text, std::optional<optout_word> keyword);
  void note_optout(const received_message& m, optout_word word);
  void make_messages(const received_message& m, const inbound_plan::action* action, std::string_view rule,
                     std::string_view text, const inbound_plan::keyword* keyword);
  void append_forward(const received_message& m, const inbound_plan::action& action, const inbound_plan::forward& to,
                      const std::string& number, std::string_view rule, std::string_view text);
  void append_line(const received_message& m, std::string_view kind, std::string_view rule, std::string_view to,
                   std::string_view from, std::string_view carrier);
  rotating_output& output(const std::string& directory);
  void count(const std::string& carrier, std::string_view rule);
  std::optional<answered_line> find_answered(const received_message& m);
  [[nodiscard]] std::string_view phone_of(const received_message& m) noexcept;

  const clock& time_;
  const spool_paths paths_;
  publisher& shown_;
  optout_list& optouts_;
  sent_lookup* sent_ = nullptr;
  fatal_hook on_fatal_;
  std::shared_ptr<const inbound_plan> plan_;
  std::mutex plan_mutex_;
  std::shared_ptr<const inbound_plan> fresh_plan_;
  std::atomic<bool> has_fresh_plan_{false};

  part_store parts_;
  made_messages made_;
  message_assembler assembler_;
  const part_store::emit emit_;
  std::uint64_t start_ = 0;
  std::map<std::string, rotating_output, std::less<>> outputs_;  // by directory
  const std::string* last_directory_ = nullptr;
  rotating_output* last_output_ = nullptr;
  std::vector<router::local_minute> local_;
  std::int64_t local_of_ = -1;  // the minute
  std::string line_;
  std::string lines_;
  std::string text_;
  const std::string calling_code_;
  number_buffer phone_;
  std::uint32_t line_count_ = 0;
  std::chrono::steady_clock::time_point next_unrouted_note_{};
  std::chrono::steady_clock::time_point next_flush_{};
  mutable std::mutex counts_mutex_;
  std::map<std::pair<std::string, std::string>, counter> counts_;
  std::pair<const std::pair<std::string, std::string>, counter>* last_count_ = nullptr;
  std::atomic<bool> idle_{true};
};

}  // namespace trunkline::engine
