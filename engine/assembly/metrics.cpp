// Every metric of the engine in one place, in the order of docs/metrics.md. The counters are plain numbers with one
// writer each; this page reads them, so that counting costs the engine nothing.
#include "engine/assembly/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <set>

#include <fmt/format.h>

#include "engine/assembly/engine.hpp"
#include "engine/dispatch/session_probe.hpp"
#include "protocol/command_status.hpp"

namespace trunkline::engine {
namespace {

using labels = std::vector<prometheus::ClientMetric::Label>;

class page_writer {
 public:
  prometheus::MetricFamily& family(const char* name, const char* help, prometheus::MetricType type) {
    auto& f = families.emplace_back();
    f.name = std::string("trunkline_") + name;
    f.help = help;
    f.type = type;
    return f;
  }
  template <class Number>
  static void add(prometheus::MetricFamily& to, Number value, labels by = {}) {
    auto& m = to.metric.emplace_back();
    m.label = std::move(by);
    if (to.type == prometheus::MetricType::Counter) {
      m.counter.value = static_cast<double>(value);
    } else {
      m.gauge.value = static_cast<double>(value);
    }
  }
  /// Adds several histograms of one label set up into one metric.
  template <const auto& Bounds>
  static void add(prometheus::MetricFamily& to, const std::vector<const bounded_histogram<Bounds>*>& parts,
                  labels by = {}) {
    auto& m = to.metric.emplace_back();
    m.label = std::move(by);
    std::uint64_t cumulative = 0;
    std::uint64_t sum_us = 0;
    for (std::size_t i = 0; i <= Bounds.size(); ++i) {
      for (const auto* h : parts) cumulative += h->bucket(i);
      const bool last = i == Bounds.size();
      m.histogram.bucket.push_back(
          {cumulative, last ? std::numeric_limits<double>::infinity() : static_cast<double>(Bounds[i]) / 1e6});
    }
    for (const auto* h : parts) sum_us += h->sum_us();
    m.histogram.sample_count = cumulative;
    m.histogram.sample_sum = static_cast<double>(sum_us) / 1e6;
  }

  std::vector<prometheus::MetricFamily> families;
};

std::string status_label(std::uint32_t status) {
  const auto name = protocol::name_of(static_cast<protocol::command_status>(status));
  return name.empty() ? fmt::format("0x{:08x}", status) : std::string(name);
}

constexpr session_state all_states[] = {session_state::idle,       session_state::error,
                                        session_state::connecting, session_state::logging_in,
                                        session_state::logged_in,  session_state::login_failed};
constexpr session_last_state all_last_states[] = {session_last_state::ok,
                                                  session_last_state::disconnected,
                                                  session_last_state::login_error,
                                                  session_last_state::nack,
                                                  session_last_state::timeout,
                                                  session_last_state::invalid_password,
                                                  session_last_state::invalid_username};

using type = prometheus::MetricType;

void add_carriers(page_writer& page, const engine& of) {
  auto& submits = page.family("submits_total", "submit_sm written", type::Counter);
  auto submits_at = page.families.size() - 1;
  (void)submits;
  page.family("submit_responses_total", "submit_sm_resp received, by command_status", type::Counter);
  page.family("submit_duration_seconds", "From writing a submit_sm to its answer", type::Histogram);
  page.family("window_in_flight", "Unanswered submit_sm of a session", type::Gauge);
  page.family("window_size", "Largest number of unanswered submit_sm of a session", type::Gauge);
  page.family("session_state", "1 for the connection state that a session is in", type::Gauge);
  page.family("session_last_state", "1 for the way a session's last operation ended", type::Gauge);
  page.family("session_reconnects_total", "Connection attempts after the first", type::Counter);
  page.family("throttled_total", "ESME_RTHROTTLED received", type::Counter);
  page.family("pdu_errors_total", "Faulty PDUs received, by kind", type::Counter);
  page.family("messages_parked", "Messages in the lanes of a carrier", type::Gauge);
  page.family("carrier_rate_limit", "Pace in force, submit_sm a second; 0 is unlimited", type::Gauge);
  page.family("carrier_slowed", "1 for what the pace is below the configured one for, until it is full again",
              type::Gauge);
  page.family("carrier_slowed_total", "How often the pace was slowed, by reason; each throttling is a pause",
              type::Counter);
  page.family("carrier_paused", "1 during the second of silence after a throttling", type::Gauge);
  page.family("carrier_disabled", "1 while an operator has disabled the carrier", type::Gauge);
  page.family("carrier_credentials_refused", "1 since the carrier refused the login, until one succeeds", type::Gauge);
  page.family("delivers_total", "deliver_sm and data_sm received", type::Counter);
  page.family("alert_notifications_total", "alert_notification received", type::Counter);
  page.family("carrier_tls_insecure", "1 when the peer is not verified (tls_insecure); carriers with TLS only",
              type::Gauge);
  page.family("optout_rejected_total", "Messages not sent because of the opt-out list", type::Counter);
  auto* f = &page.families[submits_at];
  std::map<std::string, std::map<std::string, std::uint64_t>> by_status;
  for (const auto& c : of.carriers()) {
    if (c->closed()) continue;
    const std::string& name = c->config().name;
    std::uint64_t submitted = 0;
    std::uint64_t reconnects = 0;
    std::uint64_t throttled = 0;
    std::uint64_t delivers = 0;
    std::uint64_t alerts = 0;
    std::uint64_t opted_out = 0;
    std::array<std::uint64_t, pdu_error_kinds> errors{};
    std::map<std::string, std::uint64_t> responses;
    std::vector<const duration_histogram*> latencies;
    const auto probes = c->probes();
    for (const auto& p : probes) {
      submitted += p->submits.value();
      reconnects += p->reconnects.value();
      throttled += p->throttled.value();
      delivers += p->delivers.value();
      alerts += p->alerts.value();
      opted_out += p->opted_out.value();
      latencies.push_back(&p->latency);
      for (std::size_t i = 0; i < errors.size(); ++i) errors[i] += p->pdu_errors[i].value();
      p->responses.for_each([&](std::uint32_t status, std::uint64_t n) { responses[status_label(status)] += n; });
      if (p->responses.other() != 0) responses["other"] += p->responses.other();
      const std::string index = std::to_string(p->index);
      page_writer::add(f[3], p->in_flight.load(), {{"carrier", name}, {"session", index}});
      page_writer::add(f[4], p->window_size.load(), {{"carrier", name}, {"session", index}});
      for (const auto s : all_states) {
        page_writer::add(f[5], p->state.load() == s ? 1 : 0,
                         {{"carrier", name}, {"session", index}, {"state", to_label(s)}});
      }
      for (const auto s : all_last_states) {
        page_writer::add(f[6], p->last_state.load() == s ? 1 : 0,
                         {{"carrier", name}, {"session", index}, {"last_state", to_label(s)}});
      }
    }
    page_writer::add(f[0], submitted, {{"carrier", name}});
    for (const auto& [status, n] : responses) page_writer::add(f[1], n, {{"carrier", name}, {"status", status}});
    page_writer::add(f[2], latencies, {{"carrier", name}});
    page_writer::add(f[7], reconnects, {{"carrier", name}});
    page_writer::add(f[8], throttled, {{"carrier", name}});
    for (std::size_t i = 0; i < errors.size(); ++i) {
      page_writer::add(f[9], errors[i], {{"carrier", name}, {"kind", to_label(static_cast<pdu_error>(i))}});
    }
    page_writer::add(f[10], c->queued(), {{"carrier", name}});
    const auto now = of.time().steady();
    const router::pace& pace = c->pacing();
    page_writer::add(f[11], pace.rate(now), {{"carrier", name}});
    for (std::size_t i = 0; i < router::pace::reasons; ++i) {
      const auto why = static_cast<router::pace::slowed_by>(i);
      const bool slowed = pace.recovering(now) && pace.reason() == why;
      page_writer::add(f[12], slowed ? 1 : 0, {{"carrier", name}, {"reason", to_label(why)}});
      page_writer::add(f[13], pace.slowed(why), {{"carrier", name}, {"reason", to_label(why)}});
    }
    page_writer::add(f[14], pace.paused(now) ? 1 : 0, {{"carrier", name}});
    page_writer::add(f[15], c->disabled() ? 1 : 0, {{"carrier", name}});
    page_writer::add(f[16], c->credentials_refused() ? 1 : 0, {{"carrier", name}});
    page_writer::add(f[17], delivers, {{"carrier", name}});
    page_writer::add(f[18], alerts, {{"carrier", name}});
    if (c->config().tls.enabled) page_writer::add(f[19], c->config().tls.insecure ? 1 : 0, {{"carrier", name}});
    page_writer::add(f[20], opted_out, {{"carrier", name}});
  }
}

/// What came back: engine/report/receipt_desk.
void add_receipts(page_writer& page, const engine& of) {
  const std::size_t first = page.families.size();
  page.family("receipts_total", "Delivery receipts received, by the state they name", type::Counter);
  page.family("receipts_unmatched_total", "Receipts written without their message", type::Counter);
  page.family("receipts_ignored_total", "Receipts that changed nothing, by reason", type::Counter);
  page.family("receipts_contradictory_total", "Receipts whose TLV and text name different states or ids",
              type::Counter);
  page.family("deliveries_total", "Messages whose receipts are complete, by the state of the whole", type::Counter);
  page.family("delivery_ratio", "Delivered messages of those whose receipts are complete", type::Gauge);
  page.family("delivery_duration_seconds", "From submit_sm to the receipt of a delivered part", type::Histogram);
  auto* f = &page.families[first];
  for (const auto& c : of.carriers()) {
    if (c->closed()) continue;
    const std::string& name = c->config().name;
    const delivery_counters& d = c->deliveries;
    for (std::size_t i = 0; i < delivery_counters::states; ++i) {
      const std::string state(protocol::name_of(static_cast<protocol::message_state>(i)));
      page_writer::add(f[0], d.receipts[i].value(), {{"carrier", name}, {"state", state}});
      page_writer::add(f[4], d.messages[i].value(), {{"carrier", name}, {"state", state}});
    }
    page_writer::add(f[0], d.unreadable.value(), {{"carrier", name}, {"state", "unreadable"}});
    page_writer::add(f[1], d.unmatched.value(), {{"carrier", name}});
    page_writer::add(f[2], d.repeated.value(), {{"carrier", name}, {"reason", "repeated"}});
    page_writer::add(f[2], d.stale.value(), {{"carrier", name}, {"reason", "stale"}});
    page_writer::add(f[2], d.wrong_address.value(), {{"carrier", name}, {"reason", "address"}});
    page_writer::add(f[3], d.contradictory.value(), {{"carrier", name}});
    if (const auto ended = d.ended(); ended != 0)
      page_writer::add(f[5], static_cast<double>(d.delivered()) / static_cast<double>(ended), {{"carrier", name}});
    page_writer::add(f[6], std::vector<const delivery_histogram*>{&d.duration}, {{"carrier", name}});
  }
  const receipt_desk& desk = of.reports().receipts();
  page_writer::add(page.family("receipts_parked", "Receipts that wait for their message", type::Gauge),
                   desk.parked.value());
  page_writer::add(page.family("receipt_store_ids", "Message ids that receipts can find", type::Gauge),
                   desk.stored_ids.value());
  page_writer::add(page.family("receipt_store_memory_bytes", "Memory that the index of message ids takes", type::Gauge),
                   desk.index_bytes.value());
  page_writer::add(page.family("receipt_store_disk_bytes", "Octets of what was sent, on disk", type::Gauge),
                   desk.log_bytes.value());
  page_writer::add(page.family("receipt_batches_open", "Batches with receipts to come", type::Gauge),
                   desk.open_batches.value());
}

}  // namespace

std::string metrics_page::render() const {
  const engine& e = of_;
  page_writer page;
  page_writer::add(page.family("build_info", "Version of the engine", type::Gauge), 1,
                   {{"version", TRUNKLINE_VERSION}});
  page_writer::add(page.family("ready", "1 when the engine accepts and sends (as /readyz)", type::Gauge),
                   e.ready() ? 1 : 0);
  {
    auto& f = page.family("batches_total", "Batches by what became of them", type::Counter);
    page_writer::add(f, e.spool().accepted_batches.value(), {{"state", "accepted"}});
    page_writer::add(f, e.spool().rejected_batches.value(), {{"state", "rejected"}});
    page_writer::add(f, e.reports().batches_done.value(), {{"state", "done"}});
  }
  page_writer::add(
      page.family("messages_accepted_total", "Lines of accepted batches that were taken up", type::Counter),
      e.dispatcher().messages_admitted.value() + e.dispatcher().messages_finished.value());
  {
    auto& f = page.family("messages_final_total", "Messages with a report line, by status", type::Counter);
    for (std::size_t i = 0; i < router::message_status_count; ++i) {
      page_writer::add(f, e.reports().final_by_status[i].value(),
                       {{"status", std::string(router::name(static_cast<router::message_status>(i)))}});
    }
  }
  std::uint64_t active = 0;
  std::uint64_t duplicates = e.dispatcher().maybe_duplicates.value();
  for (const auto& c : e.carriers()) {
    active += c->held();
    for (const auto& p : c->probes()) duplicates += p->maybe_duplicates.value();
  }
  page_writer::add(page.family("messages_active", "Slots of memory that messages hold", type::Gauge), active);
  page_writer::add(
      page.family("maybe_duplicates_total", "Messages flagged because they may have gone out before", type::Counter),
      duplicates);
  {
    auto& f =
        page.family("message_duration_seconds", "From acceptance of the batch to the final outcome", type::Histogram);
    for (std::size_t i = 0; i < router::priority_count; ++i) {
      page_writer::add(f, std::vector<const duration_histogram*>{&e.reports().message_duration[i]},
                       {{"priority", std::string(router::name(static_cast<router::priority>(i)))}});
    }
  }
  add_carriers(page, e);
  {
    auto& f = page.family("queue_depth", "Items waiting between two stages", type::Gauge);
    page_writer::add(f, e.queues().journal.size_approx(), {{"stage", "journal"}});
    page_writer::add(f, e.queues().returned.size_approx(), {{"stage", "returned"}});
    page_writer::add(f, e.synced().depth(), {{"stage", "outputs"}});
  }
  page_writer::add(page.family("unsynced_parts", "Parts written whose outcome is not on disk yet", type::Gauge),
                   e.queues().credit.outstanding());
  page_writer::add(
      page.family("journal_commit_seconds", "Writing and syncing one commit of the journal", type::Histogram),
      std::vector<const duration_histogram*>{&e.journal().commit_time()});
  page_writer::add(page.family("journal_full", "1 while the journal cannot be written for want of space", type::Gauge),
                   e.journal().full() ? 1 : 0);
  page_writer::add(
      page.family("journal_damage", "Places where the journal was damaged when it was read at the start", type::Gauge),
      e.journal_damage());
  {
    auto& f = page.family("output_oldest_seconds", "Age of the oldest file there, 0 for none", type::Gauge);
    for (std::size_t i = 0; i < kept_directories; ++i) {
      const auto d = static_cast<kept_directory>(i);
      const auto since = e.kept().oldest(d);
      const std::chrono::duration<double> age = since ? e.time().wall() - *since : clock::wall_time::duration{};
      page_writer::add(f, std::max(0.0, age.count()), {{"directory", std::string(to_label(d))}});
    }
  }
  {
    auto& f = page.family("outputs_removed_total", "Files removed by keep_done and keep_output", type::Counter);
    for (std::size_t i = 0; i < kept_directories; ++i) {
      page_writer::add(f, e.kept().removed[i].value(),
                       {{"directory", std::string(to_label(static_cast<kept_directory>(i)))}});
    }
  }
  {
    auto& f = page.family("inbound_total", "Messages received, by the inbound rule that took them", type::Counter);
    std::set<std::string> unrouted;
    e.inbound().for_each_count([&](const std::string& carrier, const std::string& route, std::uint64_t n) {
      page_writer::add(f, n, {{"carrier", carrier}, {"route", route}});
      if (route == "unrouted") unrouted.insert(carrier);
    });
    // There from the start, so that an alarm on it finds something.
    for (const auto& c : e.carriers()) {
      if (!c->closed() && !unrouted.contains(c->config().name))
        page_writer::add(f, 0, {{"carrier", c->config().name}, {"route", "unrouted"}});
    }
  }
  {
    auto& f = page.family("inbound_made_total", "Messages made of received ones, by kind", type::Counter);
    page_writer::add(f, e.inbound().forwarded.value(), {{"kind", "forward"}});
    page_writer::add(f, e.inbound().replied.value(), {{"kind", "reply"}});
  }
  page_writer::add(page.family("inbound_reassembly_pending", "Received messages that lack parts", type::Gauge),
                   e.inbound().parts().pending_messages.load(std::memory_order_relaxed));
  page_writer::add(
      page.family("inbound_reassembly_expired_total", "Received messages given up incomplete", type::Counter),
      e.inbound().parts().expired.value());
  page_writer::add(
      page.family("inbound_reassembly_duplicates_total", "Parts of received messages that came again", type::Counter),
      e.inbound().parts().duplicates.value());
  page_writer::add(page.family("optouts", "Pairs of a sender and a number in the opt-out list", type::Gauge),
                   e.optouts().size());
  add_receipts(page, e);
  return prometheus::TextSerializer().Serialize(page.families);
}

}  // namespace trunkline::engine
