#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/runtime/file_system.hpp"
#include "engine/spool/batch.hpp"
#include "engine/spool/expand.hpp"
#include "engine/spool/record_parser.hpp"
#include "engine/spool/spool_paths.hpp"
#include "engine/spool/trailer.hpp"

namespace trunkline::engine {

/// How a file of the spool is named, and what it therefore holds.
struct spool_name {
  batch_format format = batch_format::jsonl;
  compression packing = compression::none;
};
/// What NAME says, or nothing when it is no name for a batch: [A-Za-z0-9._-], 1 to 200 long, ending .jsonl or .csv,
/// each also .gz or .zst, no ending of the engine's own, not starting with a dot.
std::optional<spool_name> parse_spool_name(std::string_view name) noexcept;
/// A name that a producer is still writing under: starts with a dot, or ends in .tmp or .part.
bool is_temporary_name(std::string_view name) noexcept;

/// Why a file is no batch; `io` is set when the file system failed and the file may be fine.
struct candidate_error {
  std::string text;
  std::error_code io;
};

/// Looks at a file before it is accepted: expands it when it is compressed, verifies its trailer when it has one, and
/// reads its header. All that in steps of bounded work. Also used after a restart for batches that were accepted
/// already.
class candidate {
 public:
  /// `input` is NAME, open, of `size` octets. `sidecar` is the content of NAME.crc32c, if there is one.
  candidate(file_system& files, const spool_paths& paths, std::string name, std::unique_ptr<file> input,
            std::uint64_t size, bool require_trailer, std::optional<std::string> sidecar);

  /// True when everything is known. After an error it is done with.
  tl::expected<bool, candidate_error> step(record_parser& parser);

  /// Once `step` said true: the batch, with its first octets understood. `unless_told`: its policy when it names none.
  std::unique_ptr<batch> make_batch(std::uint32_t id, std::int64_t accepted_at_ms, unknown_policy unless_told);
  const std::string& name() const noexcept { return name_; }
  /// What the file was when it was opened; the batch gets it, to know a change by.
  void remember(const file_status& opened) { stamp_.emplace(opened); }
  /// Whether a name still means the same unchanged file, and nobody has a second way to it.
  bool is_still(const file_status& now) const {
    return now.type == file_type::regular && now.links == 1 && stamp_ == file_stamp(now);
  }
  /// Free octets of data_dir that an expansion leaves alone.
  void keep_free(std::uint64_t octets) noexcept { keep_free_ = octets; }
  /// A file with more lines is refused. Without a call they are not counted.
  void limit_lines(std::uint64_t lines) noexcept { max_lines_ = lines; }

 private:
  enum class stage : std::uint8_t {
    expanding,
    looking_for_trailer,
    checking_trailer,
    counting_lines,
    reading_header,
    ready
  };
  tl::expected<bool, candidate_error> count_lines();
  tl::expected<void, candidate_error> read_header(record_parser& parser);

  file_system& files_;
  const spool_paths& paths_;
  std::string name_;
  spool_name kind_;
  std::unique_ptr<file> input_;
  std::unique_ptr<file> expanded_;
  std::unique_ptr<expander> expander_;
  std::unique_ptr<trailer_check> check_;
  std::uint64_t size_;  // octets of messages: without the trailer
  bool require_trailer_;
  std::optional<std::string> sidecar_;
  stage stage_ = stage::looking_for_trailer;
  batch_defaults defaults_;
  csv_columns columns_;
  std::optional<router::priority> priority_;  // of the first line, when it is a message or says it
  std::optional<file_stamp> stamp_;
  std::uint64_t keep_free_ = 0;
  std::uint64_t max_lines_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t lines_ = 0;    // seen so far
  std::uint64_t counted_ = 0;  // octets of them
};

}  // namespace trunkline::engine
