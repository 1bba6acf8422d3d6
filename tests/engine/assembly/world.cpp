// Stages are put together as engine.cpp does it, without threads: whoever would be woken is found by the dice. Sessions
// are the real message flow and session machine; only sockets are missing.
#include "tests/engine/assembly/world.hpp"

#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "engine/runtime/configuration_routes.hpp"

namespace trunkline::engine::test {
namespace {

using namespace std::chrono_literals;

void nobody(void*) noexcept {}

carrier_config make_config(const std::string& name) {
  carrier_config c;
  c.name = name;
  c.host = "192.0.2.1";
  c.system_id = "user";
  c.window = world::window;
  c.response_timeout = 2s;
  c.enquire_link = 0s;
  using router::submit_action;
  c.policy = {{0x0b, 0x0b, {submit_action::fail, 1s, 20}},
              {0x14, 0x14, {submit_action::retry, 1s, 20}},
              {0x08, 0x08, {submit_action::retry, 8s, 20}},
              {0x45, 0x45, {submit_action::reroute, 1s, 20}},
              {0x400, 0x400, {submit_action::stop_session, 1s, 20}}};
  return c;
}

}  // namespace

/// One session with its connection.
struct world::link {
  struct acks final : acknowledger {
    void acknowledge(std::uint32_t sequence_number, bool stored) noexcept override {
      due.emplace_back(sequence_number, stored);
    }
    bool announced(std::unique_ptr<intent_list>& list) noexcept override {
      if (!open) return false;
      lists.push_back(std::move(list));
      return true;
    }
    std::vector<std::pair<std::uint32_t, bool>> due;
    std::vector<std::unique_ptr<intent_list>> lists;
    bool open = true;
  };

  void take_announced() {
    for (auto& list : std::exchange(answers->lists, {})) flow.announced(std::move(list));
  }

  link(const std::shared_ptr<carrier>& at, outcome_queues& queues, const smpp_options& options)
      : to(at), sink(queues), flow(*at, probe, sink, options, at->config().name) {}
  /// A list that was announced and not taken any more points back to who keeps it.
  ~link() {
    if (answers) answers->lists.clear();
  }

  std::shared_ptr<carrier> to;
  session_probe probe;
  outcome_sink sink;
  message_flow flow;
  std::shared_ptr<acks> answers;
  std::unique_ptr<fake_smsc::connection> peer;
  std::vector<std::uint8_t> heard;  // a PDU that is not whole yet
  bool counted = false;
  clock::steady_time next_attempt{};

  void close(clock::steady_time now, fake_smsc& smsc) {
    if (!peer) return;
    if (flow.logged_in()) smsc.count_lost(flow.machine().in_flight());
    answers->open = false;
    take_announced();
    flow.disconnected(now);
    (void)flow.end_turn();
    peer.reset();
    answers.reset();
    heard.clear();
    if (std::exchange(counted, false)) to->count_sendable(-1, now);
  }
};

/// The engine while it lives. Order of members as in engine.hpp.
struct world::engine_parts {
  wake_slot commit_slot{&nobody, nullptr};
  wake_slot feed_slot{&nobody, nullptr};
  wake_slot output_slot{&nobody, nullptr};
  wake_slot publish_slot{&nobody, nullptr};
  slab memory{512};
  outcome_queues queues{256};
  synced_queue synced{&output_slot, 300};  // a few PDUs: often the outputs have to answer them
  std::unique_ptr<journal_writer> writer;
  std::unique_ptr<commit_stage> commit;
  std::unique_ptr<publisher> shown;
  std::unique_ptr<optout_list> optouts;
  std::unique_ptr<inbound_stage> inbound;
  std::unique_ptr<outputs> reports;
  std::unique_ptr<desk_lookup> lookup;
  std::unique_ptr<name_memory> names;
  std::unique_ptr<claimer> claims;
  std::unique_ptr<feeder> feed;
  std::vector<std::shared_ptr<carrier>> carriers;
  std::vector<std::unique_ptr<link>> links;
  std::vector<std::unique_ptr<batch>> accepted;
  std::atomic<std::uint32_t> next_batch{1};
  smpp_options sessions;
  bool dead = false;

  ~engine_parts() {
    links.clear();
    journal_event left;
    while (queues.journal.try_dequeue(left)) discard(left);
  }
};

world::world(world_options options)
    : options_(std::move(options)),
      random_(options_.seed),
      files_(options_.seed * 7 + 1, &time_),
      smsc_(options_.seed * 13 + 5) {
  spdlog::set_level(spdlog::level::off);
  spool_.dir = paths_.spool;
  config_.carriers = {make_config("alpha"), make_config("beta")};
  config_.receipts.park_time = 10min;
  route_config all;
  all.name = "all";
  all.prefix = {"49"};
  all.to = {{"alpha", 1}, {"beta", 1}};
  all.failover_after = 2s;
  config_.routes = {all};
  const auto add_rule = [&](const char* name, const char* prefix) -> inbound_config& {
    inbound_config& rule = config_.inbound.emplace_back();
    rule.name = name;
    if (*prefix != '\0') rule.text_prefix = {prefix};
    rule.directories = {"rest"};
    return rule;
  };
  add_rule("forward", "fwd").forwards = {{{"%c"}, "", router::priority::normal, {}}};
  add_rule("answer", "ask").reply = {"You asked: %sr(4,0)", "", ""};
  add_rule("rest", "");
  config_.optout.enabled = true;
  config_.optout.languages = {{"", {"STOP"}, {"START"}, {}, "You will hear no more", "", ""}};
  plan_phones();

  for (const auto& path : {std::string("/spool"), std::string("/data"), paths_.incoming(), paths_.active(),
                           paths_.results(), paths_.done(), paths_.rejected(), paths_.receipts(), paths_.inbound(),
                           paths_.unrouted(), paths_.inbound() + "/rest", paths_.journal(), paths_.bits(),
                           paths_.expanded(), paths_.sent(), std::string("/spool/staging")}) {
    (void)files_.make_directory(path);
  }
  unsigned number = 0;
  for (const unsigned lines : options_.jsonl_lines) batches_.push_back(make_jsonl(number++, lines, random_, false));
  for (const unsigned lines : options_.hold_lines) batches_.push_back(make_jsonl(number++, lines, random_, true));
  for (const unsigned lines : options_.csv_lines) batches_.push_back(make_csv(number++, lines, random_));
  for (const auto& b : batches_) {
    auto made = files_.open("/spool/staging/" + b.name, open_mode::create_new);
    (void)(*made)->write_at({reinterpret_cast<const std::uint8_t*>(b.contents.data()), b.contents.size()}, 0);
    (void)(*made)->sync();
  }
  for (const auto& path : {"/", "/spool", "/data", "/spool/inbound", "/spool/staging"})
    (void)files_.sync_directory(path);
}

world::~world() { end(); }

void world::end() {
  if (!self_) return;
  // Nothing that still runs while things fall apart may reach the disk.
  files_.set_fault_hook({});
  files_.stop_after(0);
  self_.reset();
  files_.run_on();
}

void world::lose_power() {
  ++deaths;
  end();
  files_.crash();
}

void world::die() {
  ++deaths;
  end();
  files_.kill();
}

bool world::start() {
  cause_.clear();
  stuck_ = false;
  const record_options records;
  auto state = recover(files_, time_, spool_, paths_, records);
  if (!state) {
    cause_ = "recovery: " + state.error().message();
    return false;
  }
  for (const auto& p : state->problems) {
    problems_at_recovery.push_back(p);
    cause_ += p + "; ";
  }
  self_ = std::make_unique<engine_parts>();
  auto& e = *self_;
  const auto fatal = [this](const std::string& what, std::error_code why) {
    cause_ += what + ": " + why.message();
    self_->dead = true;
    files_.stop_after(0);  // the process ends here: nothing it does afterwards counts
  };
  e.queues.journal_wake = &e.commit_slot;
  e.queues.dispatcher_wake = &e.feed_slot;
  journal_writer_options journal;
  journal.segment_bytes = options_.segment_bytes;
  journal.frame_bytes = 8U << 10;
  journal.salt = options_.seed | 1U;
  e.writer = std::make_unique<journal_writer>(files_, paths_.journal(), state->next, journal);
  e.commit = std::make_unique<commit_stage>(
      *e.writer, e.queues, e.synced, time_,
      commit_stage::hooks{[] {}, [&e](std::uint64_t marker) { e.reports->on_marker(marker); },
                          [fatal](std::error_code why) { fatal("journal", why); }, [](bool) {}});
  e.shown = std::make_unique<publisher>(
      files_, spool_.file_mode,
      [fatal](std::error_code why, const std::string& what) { fatal("publisher " + what, why); });
  e.shown->set_wake(&e.publish_slot);
  e.reports = std::make_unique<outputs>(
      files_, time_, spool_, config_.receipts, 24h, paths_, e.memory, e.queues, e.synced, *e.shown,
      outputs::hooks{[&e](std::uint32_t id) { e.feed->closed(id); }, [] {},
                     [&e](std::uint64_t marker) { e.commit->checkpoint_done(marker); },
                     [fatal](std::error_code why, const std::string& what) { fatal("outputs " + what, why); }});
  e.reports->set_next_batch(&e.next_batch);
  e.reports->name_start(state->next.segment);
  e.optouts = std::make_unique<optout_list>(files_, paths_.optout());
  std::vector<std::string> damage;
  if (auto loaded = e.optouts->load(damage); !loaded) {
    fatal("optout", loaded.error());
    return false;
  }
  for (const auto& p : damage) {
    problems_at_recovery.push_back(p);
    cause_ += p + "; ";
  }
  inbound_options inbound;
  inbound.made = {16, 2048};
  inbound.seed = options_.seed | 1U;
  e.inbound = std::make_unique<inbound_stage>(
      time_, paths_, *e.shown, *e.optouts, std::make_shared<const inbound_plan>(config_), inbound,
      [fatal](std::error_code why, const std::string& what) { fatal("inbound " + what, why); });
  e.inbound->name_start(state->next.segment);
  e.reports->set_inbound(e.inbound.get());
  e.lookup = std::make_unique<desk_lookup>(e.reports->receipts());
  e.inbound->set_sent_lookup(e.lookup.get());
  auto routes = std::make_shared<routing>();
  std::int64_t credit = max_unsynced;
  for (const auto& config : config_.carriers) {
    const auto id = static_cast<std::uint16_t>(e.carriers.size());
    auto made = std::make_shared<carrier>(id, std::make_shared<const carrier_config>(config), 64);
    e.carriers.push_back(made);
    e.commit->name_carrier(id, config.name);
    e.reports->name_carrier(id, made);
    routes->by_name[config.name] = id;
  }
  routes->carriers = e.carriers;
  routes->routes = compile_routes(config_, [&](std::string_view name) -> std::optional<router::carrier_id> {
    const auto found = routes->by_name.find(name);
    if (found == routes->by_name.end()) return std::nullopt;
    return found->second;
  });
  e.sessions.unknown_resends = 1;
  e.sessions.optouts = &e.optouts->set();
  for (unsigned i = 0; i < links; ++i) {
    e.links.push_back(std::make_unique<link>(e.carriers[i % e.carriers.size()], e.queues, e.sessions));
    credit += window;
  }
  e.queues.credit.set_limit(credit);
  if (auto receipts = e.reports->receipts().recover(); !receipts) {
    fatal("receipts", receipts.error());
    return false;
  }
  e.names = std::make_unique<name_memory>(files_, paths_.names(), 1'000'000);
  const auto now_s = std::chrono::duration_cast<std::chrono::seconds>(time_.wall().time_since_epoch()).count();
  if (auto loaded = e.names->load(now_s); !loaded) {
    fatal("names", loaded.error());
    return false;
  }
  e.claims = std::make_unique<claimer>(files_, time_, spool_, paths_, records, *e.names, e.next_batch);
  e.feed = std::make_unique<feeder>(feeder_options{records, 48h, options_.max_postponed, true}, files_, time_, e.memory,
                                    e.queues, routes);
  e.feed->set_optouts(&e.optouts->set());
  e.next_batch.store(state->next_batch);
  if (auto adopted = adopt_recovered(std::move(*state), e.carriers, time_,
                                     {*e.commit, *e.reports, *e.inbound, *e.feed, *e.names, files_, paths_});
      !adopted) {
    fatal("adopt", adopted.error());
    return false;
  }
  if (auto started = e.commit->start(); !started) {
    fatal("journal start", started.error());
    return false;
  }
  e.commit->request_checkpoint();
  return true;
}

/// What phones will send, whole messages and parts in any order, some parts twice.
void world::plan_phones() {
  std::mt19937_64 random(options_.seed * 11 + 3);
  for (unsigned i = 0; i < options_.inbound; ++i) {
    expected_message m;
    m.from = "49160" + std::to_string(1'000'000 + i);
    const std::string number = std::to_string(i);
    const unsigned kind = i % 5;
    m.makes = kind == 1 || kind == 2 || kind == 4;
    m.opts_out = kind == 4;
    if (kind == 4) {
      m.text = "Stop.";
    } else {
      m.text = (kind == 1 ? "fwd " : kind == 2 ? "ask " : "from a phone ") + number;
    }
    const unsigned parts = kind == 3 || (kind == 1 && random() % 2 == 0) ? 3 : 1;
    std::string whole;
    m.copies = 2;
    for (unsigned part = 1; part <= parts; ++part) {
      fake_smsc::phone_message sent;
      sent.label = number + "/" + std::to_string(part);
      sent.from = m.from;
      sent.carrier = i % 2 == 0 ? "alpha" : "beta";
      sent.text = part == 1 ? m.text : " and part " + std::to_string(part);
      sent.place = {static_cast<std::uint16_t>(i), static_cast<std::uint8_t>(parts), static_cast<std::uint8_t>(part),
                    false};
      whole += sent.text;
      m.labels.push_back(sent.label);
      const unsigned copies = parts > 1 && random() % 4 == 0 ? 2 : 1;
      m.copies = std::min(m.copies, copies);
      for (unsigned copy = 0; copy < copies; ++copy) {
        to_deliver_.insert(to_deliver_.begin() + static_cast<std::ptrdiff_t>(random() % (to_deliver_.size() + 1)),
                           sent);
      }
    }
    m.text = whole;
    phones_.push_back(std::move(m));
  }
}

/// Every message whose parts were all acknowledged is in inbound/, opted out when it says so, and led to exactly one
/// line of a report; no message led to more.
void world::check_phones(std::vector<std::string>& broken, const std::set<std::string>& texts) {
  std::map<std::string, unsigned> made;  // by the phone
  std::set<std::string> reports;
  if (const auto entries = files_.list(paths_.done())) {
    for (const auto& entry : *entries) reports.insert(paths_.done() + "/" + entry.name);
  }
  for (const auto& [path, contents] : taken_) reports.insert(path);
  for (const auto& path : reports) {
    if (!path.starts_with(paths_.done() + "/_inbound-") || !path.ends_with(".report.jsonl")) continue;
    const std::string text = read_output(path);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const auto line = nlohmann::json::parse(text.substr(at, end - at), nullptr, false);
      if (line.is_discarded()) {
        broken.push_back(path + " holds a line that is no JSON");
      } else {
        ++made[line.value("number", "")];
        if (line.value("status", "") == "rejected") broken.push_back(path + ": " + line.dump());
      }
      at = end + 1;
    }
  }
  // A batch of the engine's own that could not be read when it was looked at is set aside as a whole, like any other.
  if (const auto entries = files_.list(paths_.rejected()); entries && options_.may_reject_unreadable) {
    for (const auto& entry : *entries) {
      if (!entry.name.starts_with("_inbound-") || !entry.name.ends_with(".jsonl")) continue;
      const std::string text = read_all(paths_.rejected() + "/" + entry.name);
      for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
        const auto line = nlohmann::json::parse(text.substr(at, text.find('\n', at) - at), nullptr, false);
        if (line.is_object() && line.contains("to")) ++made[line["to"].get<std::string>()];
      }
    }
  }
  optout_list optouts(files_, paths_.optout());
  std::vector<std::string> damage;
  if (!optouts.load(damage) || !damage.empty()) broken.push_back("the opt-out list cannot be read");
  for (const auto& m : phones_) {
    const unsigned lines = made[m.from];
    // What is known as whole already is forgotten by a crash: when the carrier sends all of it again, it is another
    // one.
    if (lines > (!m.makes ? 0U : deaths == 0 ? 1U : m.copies))
      broken.push_back(m.text + " led to " + std::to_string(lines) + " lines of reports");
    const bool acknowledged = std::all_of(m.labels.begin(), m.labels.end(), [&](const std::string& label) {
      return smsc_.acknowledged().contains(label);
    });
    if (!acknowledged) continue;
    if (!texts.contains(m.text)) broken.push_back("acknowledged, and not in inbound/: " + m.text);
    if (m.makes && lines == 0) broken.push_back("acknowledged, and nothing was made of it: " + m.text);
    if (m.opts_out && !optouts.contains("12345", m.from)) broken.push_back("acknowledged, and not opted out");
  }
}

bool world::produce() {
  auto waiting = files_.list("/spool/staging");
  if (!waiting || waiting->empty()) return false;
  std::sort(waiting->begin(), waiting->end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const std::string& name = (*waiting)[random_() % waiting->size()].name;
  return files_.rename("/spool/staging/" + name, paths_.incoming() + "/" + name, rename_mode::no_replace).has_value();
}

/// Takes one whole file away, as everybody may.
bool world::consume() {
  const std::string directories[] = {paths_.results(), paths_.receipts(), paths_.inbound() + "/rest", paths_.done()};
  const std::string& directory = directories[options_.quick_consumer ? 3 : random_() % 4];
  auto entries = files_.list(directory);
  if (!entries) return false;
  std::erase_if(*entries, [&](const directory_entry& e) {
    return e.name.starts_with('.') || (directory == paths_.done() && !e.name.ends_with(".report.jsonl"));
  });
  if (entries->empty()) return false;
  std::sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const std::string path = directory + "/" + (*entries)[random_() % entries->size()].name;
  const auto contents = try_read(path);
  if (!contents) return false;
  // After a power cut it may be there again.
  if (const auto [known, fresh] = taken_.emplace(path, *contents); !fresh && known->second != *contents)
    shown_differently_.push_back(path);
  (void)files_.remove(path);
  return true;
}

/// Destinations of a batch of which anything has arrived.
std::set<std::string> world::seen_of(const std::string& batch) const {
  std::set<std::string> seen;
  const auto file = std::find_if(batches_.begin(), batches_.end(), [&](const auto& b) { return b.name == batch; });
  for (const auto& [line, expected] : file->lines) {
    if (smsc_.log().contains(expected.number)) seen.insert(expected.number);
  }
  return seen;
}

/// Of a batch that is paused or cancelled no message may arrive that had not begun to.
void world::check_stopped(const std::string& batch) {
  const auto& o = orders_[batch];
  if (!o.stopped) return;
  for (const auto& number : seen_of(batch)) {
    if (!o.seen.contains(number)) sent_although_stopped_.push_back(batch + ": " + number + " was sent after a stop");
  }
}

/// An operator orders something of one of the open batches; in the end only that they go on.
bool world::give_order() {
  using journal_records::command;
  std::vector<batch*> open;
  // Those that the engine makes of received messages are left alone.
  self_->feed->for_each([&](batch& b) {
    if (!b.name.starts_with('_')) open.push_back(&b);
  });
  if (open.empty()) return false;
  batch& b = *open[random_() % open.size()];
  const auto dice = random_() % 10;
  const bool last = orders_given_ >= options_.orders;
  const command what = last || dice < 4 ? command::resume : dice < 8 ? command::pause : command::cancel;
  if (last && !b.paused.load()) return false;
  ++orders_given_;
  const std::string name = b.name;
  auto& o = orders_[name];
  check_stopped(name);
  if (what == command::cancel) o.cancel_asked = true;
  if (what == command::resume) ++o.resumes;
  if (what == command::resume && !b.cancelled.load()) o.stopped = false;
  self_->feed->order(b, what, [this, name, what, resumes = o.resumes](const std::string& refused) {
    if (!refused.empty()) return;
    auto& confirmed = orders_[name];
    if (what == command::resume || confirmed.stopped) return;
    // A pause that was followed by a resume before it was confirmed says nothing.
    if (what == command::pause && confirmed.resumes != resumes) return;
    confirmed.stopped = true;
    confirmed.seen = seen_of(name);
  });
  if (random_() % 4 == 0) (void)give_order();  // before the first one is carried out
  return true;
}

bool world::step() {
  auto& e = *self_;
  const auto now = time_.steady();
  const auto wall = std::chrono::duration_cast<std::chrono::milliseconds>(time_.wall().time_since_epoch()).count();
  if (options_.quick_consumer && random_() % 2 == 0) return consume();
  const auto dice = random_() % 100;
  if (dice < 1) return produce();
  if (dice == 99 && options_.consumer) return consume();
  if (dice == 98 && options_.orders != 0) return give_order();
  if (dice < 5) {
    try {
      const bool worked = e.claims->step(e.accepted, 1000);
      for (auto& b : e.accepted) e.feed->add(std::move(b), true);
      e.accepted.clear();
      return worked;
    } catch (const std::system_error& error) {
      cause_ += std::string("claimer: ") + error.what();
      e.dead = true;
      return false;
    }
  }
  if (dice < 20) return e.feed->step(true).worked;
  if (dice < 40) {
    if (random_() % 60 == 0) e.commit->request_checkpoint();
    return e.commit->step();
  }
  if (dice < 55) return e.reports->step().worked;
  if (dice < 60) return e.shown->step();
  if (dice < 62) {
    time_.advance(std::chrono::milliseconds(1 + random_() % 20));
    return false;
  }
  link& l = *e.links[random_() % e.links.size()];
  if (!l.peer) {
    if (now < l.next_attempt) return false;
    l.answers = std::make_shared<link::acks>();
    l.peer = std::make_unique<fake_smsc::connection>(smsc_, l.to->config().name);
    l.flow.connected(l.answers, now);
    l.peer->receive(l.flow.build(now, wall));
    (void)l.flow.end_turn();
    return true;
  }
  l.flow.tick(now, wall);
  bool worked = false;
  if (dice < 80) {
    for (const auto& [sequence, stored] : std::exchange(l.answers->due, {})) {
      l.flow.machine().answer(sequence, stored ? protocol::command_status::rok : protocol::command_status::rx_t_appn);
    }
    l.take_announced();
    const auto written = l.flow.build(now, wall);
    l.peer->receive(written);
    worked = !written.empty();
  } else if (!l.peer->outbox.empty()) {
    // Some of what the peer said arrives, cut anywhere.
    const std::size_t n = random_() % 4 == 0 ? 1 + random_() % l.peer->outbox.size() : l.peer->outbox.size();
    const auto end = l.peer->outbox.begin() + static_cast<std::ptrdiff_t>(n);
    l.heard.insert(l.heard.end(), l.peer->outbox.begin(), end);
    l.peer->outbox.erase(l.peer->outbox.begin(), end);
    const std::size_t used = l.flow.on_bytes(l.heard, now, wall);
    l.heard.erase(l.heard.begin(), l.heard.begin() + static_cast<std::ptrdiff_t>(used));
    worked = true;
  } else if (l.flow.logged_in() && smsc_.receipts_due() && random_() % 8 == 0) {
    worked = l.peer->deliver_receipt();
  } else if (inbound_sent_ < to_deliver_.size() && l.flow.logged_in() &&
             to_deliver_[inbound_sent_].carrier == l.to->config().name && random_() % 20 == 0) {
    l.peer->deliver(to_deliver_[inbound_sent_++]);
  }
  (void)l.flow.end_turn();
  if (l.flow.logged_in() && !l.counted) {
    l.counted = true;
    l.to->count_sendable(1, now);
  }
  const bool over = l.flow.machine().ended() || (l.flow.refused() && l.flow.idle()) || random_() % 2000 == 0;
  if (over) {
    l.close(now, smsc_);
    l.next_attempt = now + std::chrono::milliseconds(random_() % 300);
  }
  return worked;
}

bool world::finished() {
  auto& e = *self_;
  const auto none = [&](const std::string& path) {
    const auto entries = files_.list(path);
    return entries && entries->empty();
  };
  return e.feed->open_batches() == 0 && e.reports->idle() && e.inbound->idle() && e.queues.journal.size_approx() == 0 &&
         e.shown->pending() == 0 && !smsc_.receipts_due() && e.reports->receipts().parked.value() == 0 &&
         e.reports->receipts().open_batches.value() == 0 && inbound_sent_ >= to_deliver_.size() &&
         none("/spool/staging") && none(paths_.incoming());
}

bool world::run() {
  if (!self_ || self_->dead) return false;
  auto& e = *self_;
  unsigned quiet = 0;
  std::uint64_t idle_for = 0;  // steps without anything done
  for (;; ++steps_) {
    const bool worked = step();
    if (e.dead) return false;
    quiet = worked ? 0 : quiet + 1;
    idle_for = worked ? 0 : idle_for + 1;
    if (quiet == 60) {
      quiet = 0;
      if (finished()) break;
      // The longer nothing happens, the longer it is left alone.
      time_.advance(std::chrono::milliseconds(idle_for < 300 ? 120 : idle_for < 1000 ? 1100 : 10'000));
    }
    if (idle_for > 200'000) {
      stuck_ = true;
      cause_ += "no progress";
      return false;
    }
  }
  // The orderly end: positions are written, everything is shown.
  for (auto& l : e.links) l->close(time_.steady(), smsc_);
  const auto settle = [&] {
    for (int i = 0; i < 200 && !e.dead; ++i) {
      (void)e.feed->step(false);
      (void)e.commit->step();
      (void)e.reports->step();
      (void)e.shown->step();
    }
  };
  settle();
  const auto before = e.commit->checkpoints();
  e.commit->request_checkpoint();
  settle();
  e.reports->rotate_all();
  settle();
  if (e.dead) return false;
  if (e.commit->checkpoints() == before) {
    stuck_ = true;
    cause_ += "no checkpoint at the end";
    return false;
  }
  if (e.queues.credit.outstanding() != 0) {
    stuck_ = true;
    cause_ += "credit leaked: " + std::to_string(e.queues.credit.outstanding());
    return false;
  }
  for (const auto& c : e.carriers) {
    if (c->held() != 0 || c->settled() != 0) {
      stuck_ = true;
      cause_ += "slots leaked at " + c->config().name + ": " + std::to_string(c->held());
      return false;
    }
  }
  return true;
}

std::optional<std::string> world::try_read(const std::string& path) {
  auto opened = files_.open(path, open_mode::read);
  if (!opened) return std::nullopt;
  const auto size = (*opened)->size();
  if (!size) return std::nullopt;
  std::string text(*size, '\0');
  const auto got = (*opened)->read_at({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0);
  if (!got) return std::nullopt;
  text.resize(*got);
  return text;
}

std::string world::read_all(const std::string& path) { return try_read(path).value_or(std::string()); }

std::string world::read_output(const std::string& path) {
  const auto taken = taken_.find(path);
  if (!files_.stat(path)) return taken == taken_.end() ? std::string() : taken->second;
  std::string contents = read_all(path);
  if (taken != taken_.end() && taken->second != contents) shown_differently_.push_back(path);
  return contents;
}

unsigned world::duplicates() const {
  unsigned sum = 0;
  for (const auto& [number, parts] : smsc_.log()) {
    for (const auto& [part, log] : parts) sum += log.accepted > 1 ? log.accepted - 1 : 0;
  }
  return sum;
}

void world::check_batch(const test_batch_file& file, std::vector<std::string>& broken,
                        const std::map<std::string, std::map<std::uint32_t, std::string>>& results) {
  using nlohmann::json;
  const auto complain = [&](const std::string& what) { broken.push_back(file.name + ": " + what); };
  if (options_.may_reject_unreadable && files_.stat(paths_.rejected() + "/" + file.name)) {
    for (const auto& [line, expected] : file.lines) {
      if (smsc_.log().contains(expected.number))
        complain("is rejected, and line " + std::to_string(line) + " went out");
    }
    return;
  }
  if (!files_.stat(paths_.done(file.name))) complain("not in done/");
  if (!files_.stat(paths_.report(file.name)) && !taken_.contains(paths_.report(file.name)))
    return complain("has no report");
  std::map<std::uint32_t, json> lines;
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t flagged = 0;
  const std::string report = read_output(paths_.report(file.name));
  for (std::size_t at = 0; at < report.size();) {
    const std::size_t end = report.find('\n', at);
    if (end == std::string::npos) {
      complain("report ends within a line");
      break;
    }
    const std::string text = report.substr(at, end - at);
    at = end + 1;
    const json j = json::parse(text, nullptr, false);
    if (j.is_discarded()) {
      complain("report line is no JSON: " + text);
      continue;
    }
    const auto line = j["line"].get<std::uint32_t>();
    if (!lines.emplace(line, j).second) complain("two report lines for line " + std::to_string(line));
    ++counts[j["status"].get<std::string>()];
    flagged += j.contains("maybe_duplicate") ? 1 : 0;
    const auto shown = results.find(file.name);
    if (shown == results.end() || !shown->second.contains(line))
      complain("results/ lacks line " + std::to_string(line));
  }
  for (const auto& [line, j] : lines) {
    if (!file.lines.contains(line)) complain("report for a line that is no message: " + std::to_string(line));
  }
  for (const auto& [line, expected] : file.lines) {
    const std::string place = "line " + std::to_string(line) + " ";
    const auto found = lines.find(line);
    if (found == lines.end()) {
      complain(place + "has no report line");
      continue;
    }
    const json& j = found->second;
    const std::string status = j["status"];
    if (expected.number.empty() != (status == "rejected"))
      complain(place + "is bad or good, and ended as " + status + j.dump());
    if (expected.number.empty()) continue;
    const auto ordered = orders_.find(file.name);
    const bool cancelled = ordered != orders_.end() && ordered->second.cancel_asked;
    if (status == "expired" || (status == "cancelled" && !cancelled)) complain(place + "ended as " + status);
    const auto at_smsc = smsc_.log().find(expected.number);
    const bool maybe_duplicate = j.value("maybe_duplicate", false);
    unsigned most = 0;
    unsigned arrived = 0;
    if (at_smsc != smsc_.log().end()) {
      for (const auto& [part, log] : at_smsc->second) {
        most = std::max(most, log.accepted);
        arrived += log.accepted != 0 ? 1 : 0;
      }
    }
    if (status == "cancelled" && arrived == expected.parts && !maybe_duplicate)
      complain(place + "is cancelled, arrived, and is not flagged: " + j.dump());
    if (file.hold && most > 1) complain(place + "is held, and arrived " + std::to_string(most) + " times: " + j.dump());
    if (file.hold && status == "sent" && maybe_duplicate)
      complain(place + "is held and sent, and flagged: " + j.dump());
    if (most > 1 && !maybe_duplicate)
      complain(place + "arrived " + std::to_string(most) + " times and is not flagged: " + j.dump());
    if (status == "unknown" && !maybe_duplicate) complain(place + "is unknown and not flagged");
    if (status != "sent") continue;
    const auto ids = j["message_ids"].get<std::vector<std::string>>();
    if (ids.size() != expected.parts) complain(place + "has " + std::to_string(ids.size()) + " ids");
    for (unsigned part = 1; part <= expected.parts; ++part) {
      const auto* log =
          at_smsc == smsc_.log().end() || !at_smsc->second.contains(part) ? nullptr : &at_smsc->second.at(part);
      if (log == nullptr || log->accepted == 0) {
        complain(place + "is sent, and part " + std::to_string(part) + " never arrived");
      } else if (part <= ids.size() && !log->ids.contains(ids[part - 1])) {
        complain(place + "names an id that part " + std::to_string(part) + " never had: " + ids[part - 1]);
      }
    }
  }
  // What became of them: a final line for each message that was sent, by the same ids.
  std::map<std::uint32_t, json> fates;
  const std::string fate_file = read_output(paths_.done() + "/" + file.name + ".receipts.jsonl");
  for (std::size_t at = 0; at < fate_file.size();) {
    const std::size_t end = std::min(fate_file.find('\n', at), fate_file.size());
    const json j = json::parse(fate_file.substr(at, end - at), nullptr, false);
    at = end + 1;
    if (j.is_discarded()) {
      complain("a line of its receipts is no JSON");
    } else if (j["kind"] == "message" && !fates.emplace(j["line"].get<std::uint32_t>(), j).second) {
      complain("two fates for line " + j["line"].dump());
    }
  }
  for (const auto& [line, j] : lines) {
    if (j["status"] != "sent") continue;
    const auto fate = fates.find(line);
    if (fate == fates.end()) {
      complain("line " + std::to_string(line) + " is sent, and its fate is not told");
    } else if (fate->second["message_ids"] != j["message_ids"] || fate->second["final"] != true ||
               (fate->second["state"] != "delivered" && fate->second["state"] != "expired")) {
      complain("line " + std::to_string(line) + " has another fate: " + fate->second.dump());
    }
  }
  const json summary = json::parse(read_all(paths_.summary(file.name)), nullptr, false);
  if (summary.is_discarded()) return complain("summary is no JSON");
  if (summary["messages"] != lines.size()) complain("summary counts " + summary["messages"].dump() + " messages");
  for (const auto& [status, n] : summary["status"].items()) {
    if (n != counts[status])
      complain("summary counts " + n.dump() + " " + status + ", the report " + std::to_string(counts[status]));
  }
  if (summary["maybe_duplicates"] != flagged) complain("summary counts other flags than the report");
}

std::vector<std::string> world::broken_promises() {
  using nlohmann::json;
  end();
  std::vector<std::string> broken;
  std::map<std::string, std::map<std::uint32_t, std::string>> results;
  const auto lines_of = [&](const std::string& directory, auto each) {
    const auto entries = files_.list(directory);
    if (!entries) return;
    std::set<std::string> paths;
    for (const auto& entry : *entries) {
      if (!entry.name.starts_with('.')) paths.insert(directory + "/" + entry.name);
    }
    for (const auto& [path, contents] : taken_) {
      if (path.starts_with(directory + "/")) paths.insert(path);
    }
    for (const auto& path : paths) {
      const std::string text = read_output(path);
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const json j = json::parse(text.substr(at, end - at), nullptr, false);
        if (j.is_discarded()) {
          broken.push_back(path + " holds a line that is no JSON");
        } else {
          each(j);
        }
        at = end + 1;
      }
    }
  };
  lines_of(paths_.results(), [&](const json& j) { results[j["batch"]][j["line"].get<std::uint32_t>()] = j.dump(); });
  std::set<std::string> inbound;
  const auto remember = [&](const json& j) { inbound.insert(j.value("text", "")); };
  lines_of(paths_.inbound() + "/rest", remember);
  std::set<std::string> told;  // ids of parts with a line
  lines_of(paths_.receipts(), [&](const json& j) {
    if (j.contains("message_id")) told.insert(j["message_id"].get<std::string>());
  });
  for (const auto& id : smsc_.acknowledged_receipts()) {
    if (!told.contains(id)) broken.push_back("a receipt of " + id + " was acknowledged, and has no line");
  }
  check_phones(broken, inbound);
  for (const auto& file : batches_) check_batch(file, broken, results);
  for (const auto& [batch, ordered] : orders_) check_stopped(batch);
  broken.insert(broken.end(), sent_although_stopped_.begin(), sent_although_stopped_.end());
  for (const auto& path : shown_differently_) broken.push_back(path + " was shown twice, with different contents");
  const auto count = [&](const std::string& directory) {
    const auto entries = files_.list(directory);
    return entries ? entries->size() : 0;
  };
  if (count(paths_.journal()) > 2)
    broken.push_back("journal keeps " + std::to_string(count(paths_.journal())) + " segments");
  if (count(paths_.active()) != 0) broken.push_back("active/ is not empty");
  if (count(paths_.rejected()) != 0 && !options_.may_reject_unreadable) broken.push_back("something was rejected");
  return broken;
}

}  // namespace trunkline::engine::test
