#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/assembly/adoption.hpp"
#include "engine/assembly/desk_lookup.hpp"
#include "engine/dispatch/session_probe.hpp"
#include "engine/inbound/inbound_stage.hpp"
#include "engine/report/publisher.hpp"
#include "engine/runtime/configuration.hpp"
#include "engine/runtime/memory_file_system.hpp"
#include "engine/smpp/message_flow.hpp"
#include "engine/spool/claimer.hpp"
#include "tests/engine/assembly/fake_smsc.hpp"
#include "tests/engine/assembly/test_batches.hpp"

namespace trunkline::engine::test {

struct world_options {
  std::uint64_t seed = 1;
  /// A file that could not be read when it was looked at may be refused, as a whole.
  bool may_reject_unreadable = false;
  std::vector<unsigned> jsonl_lines{12, 40};  ///< a batch each
  std::vector<unsigned> csv_lines{15};
  std::vector<unsigned> hold_lines{14};  ///< of batches with on_unknown = "hold"
  unsigned inbound = 8;                  ///< messages that phones send
  bool consumer = false;                 ///< somebody takes reports, results and received messages away as they appear
  bool quick_consumer = false;           ///< somebody looks for a report to take away in every second step
  std::uint64_t segment_bytes = 24U << 10;
  std::uint64_t max_postponed = 1000;
  unsigned orders = 0;  ///< pauses, resumes and cancels; in the end every batch is resumed
};

/// The whole engine, its disk, its time and the other side, in one thread, in an order of steps drawn from a seed. The
/// disk and the other side outlive the engine.
class world {
 public:
  explicit world(world_options options);
  ~world();

  /// Starts the engine on what the disk holds. False: it refused, or died on the way.
  bool start();
  /// Steps until all work is done (true), or the engine died, or it makes no progress (then `stuck`).
  bool run();
  /// The end of the engine, whether it lives or not: the machine lost power, or only the process died.
  void lose_power();
  void die();

  bool running() const noexcept { return self_ != nullptr; }
  bool stuck() const noexcept { return stuck_; }
  const std::string& cause_of_death() const noexcept { return cause_; }
  /// Empty when the promise was kept; otherwise what was not.
  std::vector<std::string> broken_promises();

  memory_file_system& files() noexcept { return files_; }
  fake_smsc& smsc() noexcept { return smsc_; }
  /// Messages that the other side has kept more than once.
  unsigned duplicates() const;
  /// Copies that it kept without its answer arriving, while the engine lived.
  unsigned lost_answers() const noexcept { return smsc_.lost_answers(); }
  unsigned deaths = 0;
  /// Outcomes that may be on their way when the engine dies.
  static constexpr unsigned max_unsynced = 12;
  static constexpr unsigned window = 6;
  static constexpr unsigned links = 3;
  std::uint64_t steps() const noexcept { return steps_; }
  std::vector<std::string> problems_at_recovery;

 private:
  struct link;
  struct engine_parts;
  bool step();
  bool finished();
  bool produce();
  bool consume();
  bool give_order();
  std::set<std::string> seen_of(const std::string& batch) const;
  void check_stopped(const std::string& batch);
  void end();
  std::optional<std::string> try_read(const std::string& path);
  std::string read_all(const std::string& path);
  /// What stands, or stood, in a file that consumers may have taken.
  std::string read_output(const std::string& path);
  void plan_phones();
  void check_phones(std::vector<std::string>& broken, const std::set<std::string>& texts);
  void check_batch(const test_batch_file& file, std::vector<std::string>& broken,
                   const std::map<std::string, std::map<std::uint32_t, std::string>>& results);

  world_options options_;
  std::mt19937_64 random_;
  manual_clock time_;
  memory_file_system files_;
  fake_smsc smsc_;
  spool_config spool_;
  const spool_paths paths_{"/spool", "/data"};
  configuration config_;
  std::vector<test_batch_file> batches_;
  struct expected_message {
    std::string from;
    std::string text;
    std::vector<std::string> labels;  ///< of its parts
    unsigned copies = 1;              ///< how often the carrier sends all of it
    bool makes = false;               ///< one message, to the phone
    bool opts_out = false;
  };
  std::vector<expected_message> phones_;
  std::vector<fake_smsc::phone_message> to_deliver_;
  std::map<std::string, std::string> taken_;  // by consumers: path and contents
  std::vector<std::string> shown_differently_;
  /// What was ordered of a batch, and what the other side had seen of it when that was confirmed.
  struct orders {
    bool cancel_asked = false;
    unsigned resumes = 0;
    bool stopped = false;  ///< a confirmed pause or cancel is in force
    std::set<std::string> seen;
  };
  std::map<std::string, orders> orders_;
  std::vector<std::string> sent_although_stopped_;
  unsigned orders_given_ = 0;
  std::unique_ptr<engine_parts> self_;
  std::string cause_;
  bool stuck_ = false;
  std::uint64_t steps_ = 0;
  std::size_t inbound_sent_ = 0;
};

}  // namespace trunkline::engine::test
