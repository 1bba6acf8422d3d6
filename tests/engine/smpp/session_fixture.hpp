#pragma once

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "engine/dispatch/session_probe.hpp"
#include "engine/smpp/smpp_service.hpp"
#include "tests/engine/smpp/message_fixture.hpp"

namespace trunkline::engine::test {

using std::chrono::milliseconds;

/// A service with one carrier, over real sockets.
struct session_test : testing::Test {
  smpp_options options() {
    smpp_options o;
    o.threads = 2;
    o.seed = 7;
    o.unbind_timeout = milliseconds(500);
    o.login_probes = {milliseconds(60), milliseconds(120), milliseconds(240), milliseconds(480)};
    o.already_bound = milliseconds(150);
    return o;
  }
  void start(carrier_config config, smpp_options o) {
    target = make_carrier(std::move(config));
    tokens.emplace(*target);
    service = std::make_unique<smpp_service>(o, around.queues, time);
    around.wake_all = [this] { service->wake_all(); };
    service->add(target);
  }
  void push(std::uint32_t count, std::uint8_t parts = 1, lane to = lane::bulk) {
    std::vector<message*> messages;
    for (std::uint32_t i = 0; i < count; ++i) messages.push_back(around.make(next_line++, parts));
    target->push(to, messages, *tokens);
  }
  session_probe& probe(std::size_t index = 0) { return *target->probes().at(index); }
  bool finals(std::size_t count) {
    return around.collect_until([&] { return around.finals.size() >= count; });
  }
  template <typename F>
  bool eventually(F f) {
    return around.collect_until(f);
  }
  /// A session returns what it did not use at the end of its turn, which may come after the last message was decided.
  bool all_credit_is_back() {
    return eventually([&] { return around.queues.credit.outstanding() == 0; });
  }

  real_clock time;
  stage around;
  std::shared_ptr<carrier> target;
  std::optional<carrier::producer> tokens;
  std::uint32_t next_line = 1;
  std::unique_ptr<smpp_service> service;  // ends before what it uses
};

/// What is logged while it lives.
class captured_log {
 public:
  captured_log() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_, true);
    sink->set_pattern("%l %v");
    logger_ = std::make_shared<spdlog::logger>("test", sink);
    spdlog::set_default_logger(logger_);
  }
  ~captured_log() { spdlog::set_default_logger(before_); }
  captured_log(const captured_log&) = delete;
  captured_log& operator=(const captured_log&) = delete;

  /// Only when nobody logs any more.
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace trunkline::engine::test
