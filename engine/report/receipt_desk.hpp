#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dispatch/carrier.hpp"
#include "engine/receipts/correlator.hpp"
#include "engine/receipts/receipt_park.hpp"
#include "engine/receipts/receipt_state.hpp"
#include "engine/receipts/sent_store.hpp"
#include "engine/report/gathered_fates.hpp"
#include "engine/report/publisher.hpp"
#include "engine/report/receipt_line.hpp"
#include "engine/report/rotating_output.hpp"
#include "engine/runtime/clock.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/spool/spool_paths.hpp"

namespace trunkline::engine {

/// How receipts of a carrier are read.
receipt_reading reading_of(const carrier_config& config) noexcept;

/// Brings receipts together with their messages: keeps what was sent, finds what a receipt speaks of, writes its lines,
/// lets early ones wait, and makes NAME.receipts.jsonl when the fate of a whole batch is known. A consumer of synced
/// frames, as the outputs it belongs to: what it has not made durable at a checkpoint is told it again. One thread.
class receipt_desk {
 public:
  struct hooks {
    std::function<void(const parked_receipt&)> write_unmatched;
    std::function<carrier*(std::string_view)> find_carrier;  ///< by name, as configured now; null: gone
    std::function<void(std::error_code, const std::string&)> on_fatal;
  };

  /// `reply_window`: how long `find_last_sent` has to find every message; 0: never.
  receipt_desk(file_system& files, const clock& time, const receipts_config& config,
               std::chrono::milliseconds reply_window, const spool_paths& paths, rotating_output& lines,
               publisher& shown, hooks hooks);

  // --- recovery, in this order ------------------------------------------------------------------------------------
  /// Takes up what the last run left. Problems are for the log.
  result<std::vector<std::string>> recover();
  /// A message found final in the journal; it may be stored already.
  void replay_sent(const sent_message& m);
  /// All batches but these are closed. Afterwards receipts are told again through `received`.
  void only_open(const std::set<std::uint32_t>& batches);

  // --- the stream of synced events --------------------------------------------------------------------------------
  /// A message with accepted parts is final. Stored when a receipt was asked for, or for replies.
  void sent(sent_message m);
  /// Whether every message is of interest, for replies.
  bool replies() const noexcept { return store_.replies(); }
  /// Another `reply_window`, for what is sent from now on.
  void set_reply_window(std::chrono::milliseconds window) noexcept;
  enum class kind : std::uint8_t { receipt, message };
  /// A received PDU. `receipt`: it was taken care of; `message`: it is something else, the caller's.
  kind received(std::string_view carrier_name, std::int64_t received_at_ms, std::span<const std::uint8_t> pdu);
  /// The report of a batch is shown. Its messages must be durable before (`sync_messages`).
  void batch_closed(std::uint32_t batch);
  result<void> sync_messages() { return store_.sync_messages(); }
  /// Makes everything durable, so that the journal may forget what came before.
  result<void> checkpoint();

  /// A bounded piece of what has to be done in the background. True: there is more.
  result<bool> step();
  /// When it wants to be called next.
  std::chrono::steady_clock::time_point next() const noexcept { return next_; }
  /// No NAME.receipts.jsonl is being made.
  bool idle() const noexcept { return finishing_.empty() && to_finish_.empty(); }

  /// For inbound messages: see sent_store.
  std::optional<sent_store::last_sent> find_last_sent(std::string_view number, std::string_view sender,
                                                      std::int64_t since_ms);

  // --- pages, any thread -------------------------------------------------------------------------------------------
  counter parked;        ///< receipts that wait for their message
  counter stored_ids;    ///< message ids in the store
  counter index_bytes;   ///< octets of memory that the index takes
  counter log_bytes;     ///< octets of the store on disk
  counter open_batches;  ///< batches with receipts to come
  counter files_made;    ///< NAME.receipts.jsonl

 private:
  struct source {
    carrier* counted = nullptr;  // null: not configured any more
    receipt_reading reading;
  };
  /// NAME.receipts.jsonl while it is made from the store.
  struct result_file {
    std::uint32_t batch = 0;
    sent_place next;
    piecewise_output out;
  };

  source& source_of(std::string_view name);
  void settle_settings(source& s, std::string_view name, carrier* c);
  void store(sent_message m);
  /// True when the receipt found its message.
  bool match(source& from, std::string_view carrier_name, std::int64_t received_at_ms, const received_receipt& r);
  void apply(source& from, const sent_store::sent_part& part, std::int64_t received_at_ms, const received_receipt& r);
  bool finish_message(source& from, const sent_store::sent_part& decided, const part_fate& fate);
  void park(std::string_view carrier_name, std::int64_t received_at_ms, std::span<const std::uint8_t> pdu,
            const received_receipt& r);
  /// Tries a parked receipt again.
  void retry(std::uint64_t number);
  void retry_all_learned();
  void write_unmatched(const parked_receipt& p);
  void consider(std::uint32_t batch, const batch_fate& fate);
  void expire();
  /// Begins the files that are due, and ends those that are whole already.
  void begin_files();
  bool append_fates(result_file& of);
  void continue_file();
  bool failed(std::error_code why, const std::string& what);
  std::int64_t now_ms() const noexcept;

  file_system& files_;
  const clock& time_;
  const receipts_config config_;
  const spool_paths paths_;
  rotating_output& lines_;
  publisher& shown_;
  hooks hooks_;
  sent_store store_;
  correlator correlator_;
  receipt_park park_;
  std::map<std::string, source, std::less<>> sources_;
  std::map<std::uint32_t, batch_fate> fates_;
  gathered_fates gathered_;
  std::deque<std::uint32_t> to_finish_;
  std::deque<result_file> finishing_;
  std::vector<std::string> learned_;  // carriers whose waiting receipts are to be tried again
  std::chrono::steady_clock::time_point next_{};
  std::chrono::steady_clock::time_point next_expiry_{};
  std::chrono::steady_clock::time_point next_gauges_{};
  std::string decoded_;
  std::vector<std::uint8_t> message_copy_;
  bool damage_told_ = false;
};

}  // namespace trunkline::engine
