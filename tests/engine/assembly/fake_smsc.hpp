#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/pdu.hpp"
#include "protocol/udh.hpp"

namespace trunkline::engine::test {

/// What the other side knows: it lives on when the engine dies. Decides every submit_sm by the dice.
class fake_smsc {
 public:
  struct part_log {
    unsigned received = 0;      ///< copies that arrived
    unsigned accepted = 0;      ///< copies that it keeps and will deliver, answered or not
    std::set<std::string> ids;  ///< of accepted copies
  };
  /// destination number -> part number (from 1) -> what came.
  using log_type = std::map<std::string, std::map<unsigned, part_log>>;

  explicit fake_smsc(std::uint64_t seed) : random_(seed) {}

  const log_type& log() const noexcept { return log_; }
  /// What a phone sends: a whole message, or a part of one.
  struct phone_message {
    std::string label;  ///< unique: what is remembered when it is acknowledged
    std::string from;
    std::string text;
    protocol::concatenation place;  ///< total 1: it is whole
    std::string carrier;            ///< by which it comes: parts do not change it
  };
  /// deliver_sm that the engine has acknowledged as stored, by their label.
  const std::set<std::string>& acknowledged() const noexcept { return acknowledged_; }
  /// Ids of receipts that the engine has acknowledged; each is delivered until it is.
  const std::set<std::string>& acknowledged_receipts() const noexcept { return acknowledged_receipts_; }
  bool receipts_due() const noexcept { return !receipts_due_.empty(); }
  /// Answers that it swallowed; those that die with a connection are counted by who breaks it.
  unsigned lost_answers() const noexcept { return lost_answers_; }
  void count_lost(unsigned answers) noexcept { lost_answers_ += answers; }
  /// From now on everything is accepted and answered.
  void be_kind() noexcept { kind_ = true; }

  /// One connection; dies with the engine or when the link breaks.
  class connection {
   public:
    /// Receipts come back by the carrier that the message went to.
    connection(fake_smsc& to, std::string carrier) : to_(to), carrier_(std::move(carrier)) {}
    /// What the engine wrote; whole PDUs.
    void receive(std::span<const std::uint8_t> octets);
    void deliver(const phone_message& message);
    /// A receipt that is due and not under way here, or one that came before, again. False: there is none.
    bool deliver_receipt();
    /// What it has to say, so far.
    std::vector<std::uint8_t> outbox;

   private:
    template <class Pdu>
    void say(const Pdu& pdu, std::uint32_t sequence, protocol::command_status status = protocol::command_status::rok) {
      std::array<std::uint8_t, 512> out{};
      const std::size_t size = protocol::write_pdu(out, status, sequence, pdu);
      outbox.insert(outbox.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
    }
    void submit(const protocol::frame& f);
    fake_smsc& to_;
    std::string carrier_;
    std::map<std::uint32_t, std::string> delivered_;  // sequence -> label
    std::map<std::uint32_t, std::string> receipts_;   // sequence -> id
    std::set<std::string> under_way_;                 // ids of them
    std::uint32_t next_sequence_ = 1;
  };

 private:
  log_type log_;
  std::set<std::string> acknowledged_;
  struct due_receipt {
    std::string number;
    std::string carrier;
  };
  std::map<std::string, due_receipt> receipts_due_;  // by id
  std::set<std::string> acknowledged_receipts_;
  std::mt19937_64 random_;
  std::uint64_t next_id_ = 1;
  unsigned lost_answers_ = 0;
  bool kind_ = false;
};

inline void fake_smsc::connection::receive(std::span<const std::uint8_t> octets) {
  for (std::size_t at = 0; at < octets.size();) {
    const auto cut = protocol::next_frame(octets.subspan(at));
    if (cut.kind != protocol::frame_kind::complete) break;
    at += cut.frame.octets.size();
    const auto sequence = cut.frame.header.sequence_number;
    switch (cut.frame.header.id) {
      case protocol::command_id::bind_transceiver: {
        protocol::bind_resp resp;
        resp.id = protocol::response_of(cut.frame.header.id);
        say(resp, sequence);
        break;
      }
      case protocol::command_id::enquire_link:
        say(protocol::enquire_link_resp{}, sequence);
        break;
      case protocol::command_id::unbind:
        say(protocol::unbind_resp{}, sequence);
        break;
      case protocol::command_id::submit_sm:
        submit(cut.frame);
        break;
      case protocol::command_id::deliver_sm_resp:
        if (cut.frame.header.status != protocol::command_status::rok) break;
        if (const auto receipt = receipts_.find(sequence); receipt != receipts_.end()) {
          to_.receipts_due_.erase(receipt->second);
          to_.acknowledged_receipts_.insert(receipt->second);
        } else {
          to_.acknowledged_.insert(delivered_[sequence]);
        }
        break;
      default:
        break;
    }
  }
}

inline void fake_smsc::connection::deliver(const phone_message& message) {
  protocol::deliver_sm pdu;
  pdu.source_addr = message.from;
  pdu.destination_addr = "12345";
  std::vector<std::uint8_t> octets;
  if (message.place.total > 1) {
    octets = {5, 0, 3, static_cast<std::uint8_t>(message.place.reference), message.place.total, message.place.sequence};
    pdu.esm_class = 0x40;
  }
  octets.insert(octets.end(), message.text.begin(), message.text.end());
  pdu.short_message = octets;
  delivered_[next_sequence_] = message.label;
  say(pdu, next_sequence_++);
}

inline bool fake_smsc::connection::deliver_receipt() {
  for (const auto& [id, due] : to_.receipts_due_) {
    if (due.carrier != carrier_) continue;
    if (!under_way_.insert(id).second && to_.random_() % 50 != 0) continue;
    const std::string text = "id:" + id + " sub:001 dlvrd:001 submit date:2701150800 done date:2701150801 stat:" +
                             (to_.random_() % 8 == 0 ? "EXPIRED" : "DELIVRD") + " err:000 text:";
    protocol::deliver_sm pdu;
    pdu.source_addr = due.number;
    pdu.destination_addr = "12345";
    pdu.esm_class = 4;
    pdu.short_message = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    receipts_[next_sequence_] = id;
    say(pdu, next_sequence_++);
    return true;
  }
  return false;
}

inline void fake_smsc::connection::submit(const protocol::frame& f) {
  const auto pdu = protocol::decode<protocol::submit_sm>(f);
  if (!pdu) return;
  unsigned number = 1;
  if ((pdu->esm_class & 0x40) != 0) {
    if (const auto header = protocol::parse_udh(pdu->short_message); header && header->fields.part) {
      number = header->fields.part->sequence;
    }
  }
  part_log& part = to_.log_[std::string(pdu->destination_addr)][number];
  ++part.received;
  const std::uint64_t dice = to_.kind_ ? 0 : to_.random_() % 100;
  const auto accept = [&] {
    ++part.accepted;
    const std::string id = "m" + std::to_string(to_.next_id_++);
    part.ids.insert(id);
    if (pdu->registered_delivery != 0) {
      to_.receipts_due_[id] = {std::string(pdu->destination_addr), carrier_};
      if (to_.random_() % 8 == 0) (void)deliver_receipt();  // perhaps before the response
    }
    return id;
  };
  const auto refuse = [&](std::uint32_t status) {
    say(protocol::submit_sm_resp{}, f.header.sequence_number, static_cast<protocol::command_status>(status));
  };
  if (dice < 72) {
    const std::string id = accept();
    protocol::submit_sm_resp resp;
    resp.message_id = id;
    say(resp, f.header.sequence_number);
  } else if (dice < 75) {
    (void)accept();  // and the answer is lost
    ++to_.lost_answers_;
  } else if (dice < 77) {
    // lost on its way
  } else if (dice < 82) {
    refuse(0x0b);  // ESME_RINVDSTADR: for good
  } else if (dice < 88) {
    refuse(0x14);  // ESME_RMSGQFUL: again in a second, in memory
  } else if (dice < 91) {
    refuse(0x08);  // ESME_RSYSERR: again later, by the line
  } else if (dice < 95) {
    refuse(0x58);  // ESME_RTHROTTLED
  } else if (dice < 99) {
    refuse(0x45);  // ESME_RSUBMITFAIL: another carrier
  } else {
    refuse(0x400);  // this session is not to go on
  }
}

}  // namespace trunkline::engine::test
