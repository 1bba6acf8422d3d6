#pragma once

#include <string>

namespace trunkline::engine {

class engine;

/// The text of /metrics (docs/metrics.md): adds up the counters of all threads at scrape time. Any thread.
class metrics_page {
 public:
  explicit metrics_page(const engine& of) : of_(of) {}
  std::string render() const;

 private:
  const engine& of_;
};

}  // namespace trunkline::engine
