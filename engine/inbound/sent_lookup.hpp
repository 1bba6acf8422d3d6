#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trunkline::engine {

/// The message of ours that a received one answers.
struct answered_line {
  std::string batch;
  std::uint32_t line = 0;
  std::string id;          ///< the producer's; empty: none
  std::string batch_name;  ///< `name` of the batch; empty: none, or not known any more
  std::vector<std::pair<std::string, std::string>> tags;
};

/// Finds what was sent last. Asked on the outputs thread for each received message.
class sent_lookup {
 public:
  virtual ~sent_lookup() = default;
  /// The last message sent to `number` from `sender`, not before `since_ms`. With `details`, also what the line itself
  /// says (tags, name of the batch), which may cost a look into its file.
  virtual std::optional<answered_line> find_last_sent(std::string_view number, std::string_view sender,
                                                      std::int64_t since_ms, bool details) = 0;
};

}  // namespace trunkline::engine
