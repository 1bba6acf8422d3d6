// getaddrinfo() on a few detached threads. What they share with the rest is reference-counted, so that one which still
// waits for a dead server when the engine ends harms nobody.
#include "engine/smpp/name_resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <deque>
#include <thread>
#include <utility>

namespace trunkline::engine {
namespace {

constexpr unsigned max_threads = 8;

void look_up(const std::string& host, name_resolver::query& query) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) return query.answer({}, ::gai_strerror(error));
  std::vector<std::string> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) continue;
    std::string address(text.data());
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.push_back(std::move(address));
    }
  }
  ::freeaddrinfo(found);
  query.answer(std::move(addresses), {});
}

}  // namespace

struct name_resolver::state {
  struct request {
    std::string host;
    std::shared_ptr<query> asked;
  };
  std::mutex mutex;
  std::deque<request> waiting;
  unsigned threads = 0;
  bool stopped = false;

  static void run(const std::shared_ptr<state>& self) {
    for (;;) {
      request next;
      {
        const std::lock_guard lock(self->mutex);
        if (self->waiting.empty() || self->stopped) {
          --self->threads;
          return;
        }
        next = std::move(self->waiting.front());
        self->waiting.pop_front();
      }
      look_up(next.host, *next.asked);
    }
  }
};

void name_resolver::query::abandon() {
  const std::lock_guard lock(mutex_);
  done_ = nullptr;
}

void name_resolver::query::answer(std::vector<std::string> addresses, std::string error) {
  const std::lock_guard lock(mutex_);
  if (!done_) return;
  std::exchange(done_, nullptr)(std::move(addresses), std::move(error));
}

name_resolver::name_resolver() : state_(std::make_shared<state>()) {}

name_resolver::~name_resolver() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  state_->waiting.clear();
}

std::shared_ptr<name_resolver::query> name_resolver::resolve(std::string host, query::callback done) {
  auto asked = std::make_shared<query>(std::move(done));
  const std::lock_guard lock(state_->mutex);
  state_->waiting.push_back({std::move(host), asked});
  if (state_->threads < max_threads) {
    ++state_->threads;
    std::thread([shared = state_] { state::run(shared); }).detach();
  }
  return asked;
}

}  // namespace trunkline::engine
