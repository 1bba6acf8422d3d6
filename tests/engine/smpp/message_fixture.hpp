#pragma once

#include <gtest/gtest.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/dispatch/carrier.hpp"
#include "engine/dispatch/outcomes.hpp"
#include "engine/dispatch/slab.hpp"
#include "protocol/pdu.hpp"

namespace trunkline::engine::test {

/// A batch as messages see it.
struct test_batch final : batch_control {};

/// What stands around sessions in a test: memory, queues, and a collector in the place of journal and dispatcher.
class stage {
 public:
  explicit stage(std::int64_t credit = 1'000'000, std::size_t slots = 1U << 16U) : memory_(slots), magazine_(memory_) {
    queues.credit.set_limit(credit);
    queues.journal_wake = &journal_wake_;
    queues.dispatcher_wake = &dispatcher_wake_;
    journal_wake_.park();
    dispatcher_wake_.park();
  }

  /// A message of `parts` parts whose text names line and part; `validity` makes room for a validity_period.
  message* make(std::uint32_t line, std::uint8_t parts = 1, std::size_t text_bytes = 0, bool validity = false,
                protocol::tlv_view tlvs = {}) {
    std::vector<std::vector<std::uint8_t>> bodies;
    protocol::submit_sm pdu;
    std::size_t stride = 0;
    for (std::uint8_t part = 0; part < parts; ++part) {
      std::string text = "line " + std::to_string(line) + " part " + std::to_string(part);
      if (text.size() < text_bytes) text.resize(text_bytes, '.');
      pdu.source_addr = "12345";
      pdu.tlvs = tlvs;
      pdu.destination_addr = "491701234567";
      if (validity) pdu.validity_period = "000000000000000R";
      pdu.short_message = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
      std::array<std::uint8_t, 512> out{};
      protocol::octet_writer writer(out);
      protocol::encode_body(writer, pdu);
      EXPECT_TRUE(writer.ok());
      bodies.emplace_back(writer.written().begin(), writer.written().end());
      stride = std::max(stride, sizeof(part_record) + std::max(bodies.back().size(), max_message_id));
    }
    stride = (stride + 3) & ~std::size_t{3};
    const std::size_t head = 24;
    message* m = magazine_.take(head + stride * parts);
    EXPECT_NE(m, nullptr);
    m->owner = &batch;
    m->entry = line;
    m->line = line;
    m->head_length = head;
    m->parts_offset = head;
    m->part_stride = static_cast<std::uint32_t>(stride);
    m->parts = parts;
    if (validity) m->validity_offset = static_cast<std::uint8_t>(protocol::validity_period_offset(pdu));
    for (std::uint8_t part = 0; part < parts; ++part) {
      write_part(*m, part, {static_cast<std::uint16_t>(bodies[part].size()), part_state::open, 0});
      m->write(part_octets_offset(*m, part), bodies[part]);
    }
    return m;
  }

  /// Ends the life of a message: it is in nobody's hands any more.
  void release(message* m) { magazine_.give(m); }

  /// The message_id that part `part` was accepted with.
  static std::string id_of(const message& m, std::uint8_t part = 0) {
    const part_record record = read_part(m, part);
    std::string id(record.id_length, '\0');
    m.read(part_octets_offset(m, part), {reinterpret_cast<std::uint8_t*>(id.data()), id.size()});
    return id;
  }

  /// Takes what the sessions handed over so far, as the journal and the dispatcher would: credit goes back.
  void collect() {
    // As the journal does it: a message that ends, or is announced anew, waits for what other sessions said of it.
    std::vector<journal_event> later;
    journal_event event;
    while (queues.journal.try_dequeue(event)) {
      if (event.kind == event_kind::final || event.kind == event_kind::intents) {
        later.push_back(event);
      } else {
        collect(event);
      }
    }
    for (const journal_event& of : later) collect(of);
    returned_message back;
    while (queues.returned.try_dequeue(back)) returned.push_back(back);
  }

  /// Collects until `done()`, waiting for wake-ups in between; false after `patience`.
  template <typename F>
  bool collect_until(F done, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
      journal_wake_.park();
      dispatcher_wake_.park();
      collect();
      if (done()) return true;
      std::unique_lock lock(mutex_);
      // What is waited for may also be a state that wakes nobody: look again now and then.
      woken_.wait_for(lock, std::chrono::milliseconds(5), [this] { return std::exchange(posted_, false); });
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
  }

  outcome_queues queues;
  test_batch batch;
  std::vector<message*> finals;
  std::vector<std::pair<std::uint32_t, std::uint8_t>> parts;
  std::vector<returned_message> returned;
  std::vector<std::unique_ptr<received_pdu>> received;
  std::uint64_t credit_given = 0;
  std::uint64_t intents = 0;           ///< messages announced
  std::uint64_t intents_returned = 0;  ///< of which came to nothing
  std::function<void()> wake_all;

 private:
  void collect(const journal_event& event) {
    switch (event.kind) {
      case event_kind::final: {
        auto* m = static_cast<message*>(event.subject);
        credit_given += m->credit;
        if (m->credit != 0) give(m->credit);
        finals.push_back(m);
        break;
      }
      case event_kind::part: {
        auto* m = static_cast<message*>(event.subject);
        m->part_events.fetch_sub(1);
        parts.emplace_back(m->line, event.part);
        ++credit_given;
        give(1);
        break;
      }
      case event_kind::intents: {
        std::unique_ptr<intent_list> list(static_cast<intent_list*>(event.subject));
        for (const message* m : list->messages) EXPECT_EQ(m->part_events.load(), 0);
        intents += list->messages.size();
        if (list->from->announced(list)) break;
        for (message* m : list->messages) returned.push_back({m, return_reason::elsewhere, {}});
        break;
      }
      case event_kind::returned:
        static_cast<message*>(event.subject)->part_events.fetch_sub(1);
        ++intents_returned;
        break;
      case event_kind::received:
        received.emplace_back(static_cast<received_pdu*>(event.subject));
        break;
      default:
        FAIL() << "unexpected event";
    }
  }
  void give(std::uint32_t credit) {
    if (queues.credit.give(credit) && wake_all) wake_all();
  }
  static void post(void* self) noexcept {
    auto& me = *static_cast<stage*>(self);
    const std::lock_guard lock(me.mutex_);
    me.posted_ = true;
    me.woken_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable woken_;
  bool posted_ = false;
  slab memory_;
  slab::magazine magazine_;
  wake_slot journal_wake_{&post, this};
  wake_slot dispatcher_wake_{&post, this};
};

inline carrier_config test_config() {
  carrier_config config;
  config.name = "acme";
  config.host = "127.0.0.1";
  config.system_id = "user";
  config.password = secret("pass");
  config.reconnect_min = std::chrono::milliseconds(5);
  config.reconnect_max = std::chrono::milliseconds(40);
  return config;
}

inline std::shared_ptr<carrier> make_carrier(carrier_config config, std::uint16_t id = 0) {
  return std::make_shared<carrier>(id, std::make_shared<const carrier_config>(std::move(config)), 100'000);
}

}  // namespace trunkline::engine::test
