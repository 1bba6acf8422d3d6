#include "engine/assembly/adoption.hpp"

#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace trunkline::engine {

result<void> adopt_recovered(recovered_state state, std::span<const std::shared_ptr<carrier>> carriers,
                             const clock& time, adopting_stages to) {
  const auto now_s = std::chrono::duration_cast<std::chrono::seconds>(time.wall().time_since_epoch()).count();
  std::unordered_map<std::string, std::uint16_t> ids;
  for (const auto& c : carriers) ids[c->config().name] = c->id();
  std::vector<std::string> names;
  std::set<std::uint32_t> open;
  for (auto& recovered : state.batches) {
    batch& b = *recovered.subject;
    open.insert(b.batch_id);
    to.commit.adopt_batch({b.batch_id, b.accepted_at_ms, b.size, b.on_unknown == unknown_policy::hold, b.name});
    for (const auto& [entry, name] : b.unresolved) {
      const auto id = ids.find(name);
      to.commit.adopt_intent(b.batch_id, entry, id == ids.end() ? journal_records::no_carrier : id->second);
    }
    if (!to.names.knows(b.name, now_s)) names.push_back(b.name);
    to.reports.adopt(b, std::move(recovered.report));
    to.reports.check(b);
    to.dispatcher.add(std::move(recovered.subject), false);
  }
  if (!names.empty()) {
    if (auto added = to.names.add(names, now_s); !added) return added;
  }
  for (auto& l : state.live) {
    if (l.type == journal_records::type::part_accepted) {
      auto part = journal_records::decode<journal_records::part_accepted>(l.payload);
      const auto id = ids.find(l.carrier);
      if (!part || id == ids.end()) continue;  // its carrier is gone: the whole message goes another way
      part->carrier = id->second;
      std::vector<std::uint8_t> payload(journal_records::encoded_bytes(*part));
      payload.resize(journal_records::encode(*part, payload));
      l.payload = std::move(payload);
    }
    to.commit.adopt_live(l.batch, l.entry, l.type, std::move(l.payload));
  }
  for (const auto& c : state.controls) to.commit.adopt_control(c);
  to.reports.adopt_sent(state.sent, open);
  // Before what they were made from is received again.
  for (auto& made : state.made) {
    const bool appeared = to.names.knows(made.name, now_s) || to.files.stat(to.paths.active(made.name)) ||
                          to.files.stat(to.paths.done(made.name)) ||
                          to.files.stat(to.paths.incoming() + "/" + made.name);
    to.inbound.adopt(std::move(made), appeared);
  }
  for (const auto& pdu : state.received) to.reports.replay_received(pdu.carrier, pdu.received_at_ms, pdu.octets);
  if (state.result_line_count != 0) to.reports.replay_results(state.result_lines, state.result_line_count);
  return {};
}

}  // namespace trunkline::engine
