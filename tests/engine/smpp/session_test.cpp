// Sessions over real sockets on loopback, against an SMSC whose every reaction is scripted.
#include <gtest/gtest.h>

#include <set>

#include "engine/smpp/smpp_service.hpp"
#include "tests/engine/smpp/message_fixture.hpp"
#include "tests/engine/smpp/scripted_smsc.hpp"

namespace trunkline::engine::test {
namespace {

using protocol::command_id;
using protocol::command_status;
using router::message_status;
using std::chrono::milliseconds;

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

  real_clock time;
  stage around;
  std::shared_ptr<carrier> target;
  std::optional<carrier::producer> tokens;
  std::uint32_t next_line = 1;
  std::unique_ptr<smpp_service> service;  // ends before what it uses
};

TEST_F(session_test, sends_ten_thousand_messages) {
  struct row {
    const char* name;
    unsigned sessions;
    unsigned window;
  };
  for (const row& r : {row{"one session, window 1", 1, 1}, row{"one session, window 10", 1, 10},
                       row{"four sessions, window 100", 4, 100}}) {
    SCOPED_TRACE(r.name);
    scripted_smsc smsc;
    auto config = test_config();
    config.port = smsc.port;
    config.sessions = r.sessions;
    config.window = r.window;
    start(config, options());
    push(10'000);
    ASSERT_TRUE(finals(10'000));
    std::set<std::uint32_t> lines;
    for (const message* m : around.finals) {
      EXPECT_EQ(m->status, message_status::sent);
      EXPECT_EQ(m->attempts, 1);
      EXPECT_EQ(m->flags, 0);
      lines.insert(m->line);
    }
    EXPECT_EQ(lines.size(), 10'000U);
    EXPECT_EQ(smsc.submits, 10'000U);
    EXPECT_EQ(smsc.binds, r.sessions);
    EXPECT_EQ(stage::id_of(*around.finals.front()).substr(0, 2), "id");
    service->stop(std::chrono::seconds(5));
    around.collect();
    EXPECT_EQ(smsc.unbinds, r.sessions);
    EXPECT_EQ(around.queues.credit.outstanding(), 0);
    service.reset();
    around.finals.clear();
    target.reset();
  }
}

}  // namespace
}  // namespace trunkline::engine::test
