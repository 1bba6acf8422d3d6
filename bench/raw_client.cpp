// The raw ceiling: a bare SMPP client without library, queue or thought. It binds S sessions as transceivers and blasts
// ready-made submit_sm PDUs through windows of W at HOST:PORT, as fast as the answers free the windows. What an engine
// reaches against the same peer with the same windows is to be read as a share of this.
//
// One thread, edge-triggered epoll. Per session a ring of PDUs is rendered once; for each turn only the sequence
// numbers are patched, and everything that the window allows leaves in one send. Prints one line of JSON.
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using octets = std::vector<std::uint8_t>;

constexpr std::uint32_t submit_sm = 0x4;
constexpr std::uint32_t bind_transceiver = 0x9;
constexpr std::uint32_t unbind = 0x6;
constexpr std::uint32_t response_bit = 0x80000000;
constexpr std::size_t header_bytes = 16;
constexpr std::size_t read_bytes = 256U << 10U;

void put_u32(std::uint8_t* at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

std::uint32_t get_u32(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24U | std::uint32_t{at[1]} << 16U | std::uint32_t{at[2]} << 8U | std::uint32_t{at[3]};
}

void add_text(octets& to, std::string_view text) {
  to.insert(to.end(), text.begin(), text.end());
  to.push_back(0);
}

octets pdu(std::uint32_t command, std::uint32_t sequence, const octets& body) {
  octets all(header_bytes);
  put_u32(all.data(), static_cast<std::uint32_t>(header_bytes + body.size()));
  put_u32(all.data() + 4, command);
  put_u32(all.data() + 12, sequence);
  all.insert(all.end(), body.begin(), body.end());
  return all;
}

octets bind_body(std::string_view system_id, std::string_view password) {
  octets body;
  add_text(body, system_id);
  add_text(body, password);
  add_text(body, "");
  body.insert(body.end(), {0x34, 0, 0});
  add_text(body, "");
  return body;
}

octets submit_body(std::uint64_t number, std::size_t text_bytes, bool receipts) {
  octets body;
  add_text(body, "");
  body.insert(body.end(), {5, 0});
  add_text(body, "TRUNKLINE");
  body.insert(body.end(), {1, 1});
  add_text(body, std::to_string(491700000000 + number % 100000000));
  body.insert(body.end(), {0, 0, 0, 0, 0, static_cast<std::uint8_t>(receipts ? 1 : 0), 0, 0, 0});
  body.push_back(static_cast<std::uint8_t>(text_bytes));
  for (std::size_t i = 0; i < text_bytes; ++i) body.push_back(static_cast<std::uint8_t>('a' + (number + i) % 26));
  return body;
}

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

struct settings {
  std::string host = "127.0.0.1";
  std::string port = "2775";
  std::string system_id = "raw";
  std::string password = "raw";
  std::size_t sessions = 1;
  std::size_t window = 100;
  std::uint64_t messages = 1'000'000;
  std::size_t text_bytes = 120;
  bool receipts = false;
};

/// What is left to send, over all sessions.
struct budget {
  std::uint64_t to_send;
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;
};

class session {
 public:
  session(const settings& wanted, std::size_t index)
      : window_(wanted.window), in_(read_bytes), socket_(connected(wanted)) {
    const octets hello = pdu(bind_transceiver, 1, bind_body(wanted.system_id, wanted.password));
    send_all(hello);
    const octets answer = receive_pdu();
    if (get_u32(answer.data() + 4) != (bind_transceiver | response_bit) || get_u32(answer.data() + 8) != 0) {
      throw std::runtime_error("bind refused with status " + std::to_string(get_u32(answer.data() + 8)));
    }
    // All of one size, so that a place in the ring is a multiplication.
    for (std::size_t i = 0; i < window_; ++i) {
      const octets one = pdu(submit_sm, 0, submit_body(index * window_ + i, wanted.text_bytes, wanted.receipts));
      pdu_bytes_ = one.size();
      ring_.insert(ring_.end(), one.begin(), one.end());
    }
  }
  session(session&& other) noexcept = delete;
  ~session() { ::close(socket_); }

  int descriptor() const { return socket_; }

  /// Sends all that the window and the budget allow and the socket takes.
  void push(budget& left) {
    for (;;) {
      if (pending_begin_ == pending_end_) {
        if (!replies_.empty()) {
          // Answers to deliver_sm and enquire_link go between two bursts.
          const ssize_t sent = ::send(socket_, replies_.data(), replies_.size(), MSG_NOSIGNAL);
          if (sent < 0 && errno == EAGAIN) return;
          if (sent < 0) fail("send");
          replies_.erase(replies_.begin(), replies_.begin() + sent);
          if (!replies_.empty()) return;
        }
        const std::size_t room = std::min<std::size_t>(window_ - in_flight_, window_ - place_);
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(room, left.to_send));
        if (count == 0) return;
        for (std::size_t i = 0; i < count; ++i) {
          put_u32(ring_.data() + (place_ + i) * pdu_bytes_ + 12, sequence_);
          sequence_ = sequence_ == 0x7FFFFFFF ? 1 : sequence_ + 1;
        }
        pending_begin_ = place_ * pdu_bytes_;
        pending_end_ = pending_begin_ + count * pdu_bytes_;
        place_ = (place_ + count) % window_;
        in_flight_ += count;
        left.to_send -= count;
      }
      const ssize_t sent = ::send(socket_, ring_.data() + pending_begin_, pending_end_ - pending_begin_, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) fail("send");
      pending_begin_ += static_cast<std::size_t>(sent);
    }
  }

  /// Reads once and counts the answers. False when there was nothing more (a short read: an edge follows new data).
  bool pull(budget& left) {
    const ssize_t got = ::recv(socket_, in_.data() + in_size_, in_.size() - in_size_, 0);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) fail("the peer is gone");
    const bool whole = static_cast<std::size_t>(got) == in_.size() - in_size_;
    in_size_ += static_cast<std::size_t>(got);
    std::size_t at = 0;
    while (in_size_ - at >= header_bytes) {
      const std::uint8_t* one = in_.data() + at;
      const std::size_t length = get_u32(one);
      if (length < header_bytes || length > in_.size()) throw std::runtime_error("the peer sent no SMPP");
      if (length > in_size_ - at) break;
      take(one, left);
      at += length;
    }
    in_size_ -= at;
    std::memmove(in_.data(), in_.data() + at, in_size_);
    return whole;
  }

  void say_goodbye() { send_all(pdu(unbind, sequence_, {})); }

 private:
  static int connected(const settings& wanted) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(wanted.host.c_str(), wanted.port.c_str(), &hints, &found) != 0) fail("cannot find the host");
    const int made = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int connected = made < 0 ? -1 : ::connect(made, found->ai_addr, found->ai_addrlen);
    ::freeaddrinfo(found);
    if (connected != 0) fail("cannot connect");
    const int on = 1;
    ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
  }

  void take(const std::uint8_t* one, budget& left) {
    const std::uint32_t command = get_u32(one + 4);
    if (command == (submit_sm | response_bit)) {
      --in_flight_;
      ++left.answered;
      if (get_u32(one + 8) != 0) ++left.refused;
    } else if (command == 0x5 || command == 0x15) {
      octets body;
      if (command == 0x5) body.push_back(0);
      const octets answer = pdu(command | response_bit, get_u32(one + 12), body);
      replies_.insert(replies_.end(), answer.begin(), answer.end());
    }
  }

  void send_all(const octets& what) {
    std::size_t sent = 0;
    while (sent < what.size()) {
      const ssize_t now = ::send(socket_, what.data() + sent, what.size() - sent, MSG_NOSIGNAL);
      if (now < 0 && errno != EAGAIN) fail("send");
      if (now > 0) sent += static_cast<std::size_t>(now);
    }
  }

  octets receive_pdu() {
    octets one(header_bytes);
    std::size_t size = 0;
    while (size < one.size()) {
      const ssize_t got = ::recv(socket_, one.data() + size, one.size() - size, 0);
      if (got <= 0) fail("no answer to the bind");
      size += static_cast<std::size_t>(got);
      if (size == header_bytes) one.resize(std::clamp<std::size_t>(get_u32(one.data()), header_bytes, 65'536));
    }
    return one;
  }

  std::size_t window_;
  std::size_t pdu_bytes_ = 0;
  std::size_t place_ = 0;  // in the ring, of the next PDU
  std::size_t in_flight_ = 0;
  std::uint32_t sequence_ = 2;
  octets ring_;
  std::size_t pending_begin_ = 0;  // octets of the ring that are to be sent
  std::size_t pending_end_ = 0;
  octets replies_;
  octets in_;
  std::size_t in_size_ = 0;
  int socket_;
};

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

settings parse(int argc, char** argv) {
  settings wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--receipts") {
      wanted.receipts = true;
      continue;
    }
    const char* value = ++i < argc ? argv[i] : nullptr;
    const auto number = [&] { return value == nullptr ? 0 : std::strtoull(value, nullptr, 10); };
    if (value != nullptr && name == "--host") {
      wanted.host = value;
    } else if (value != nullptr && name == "--port") {
      wanted.port = value;
    } else if (value != nullptr && name == "--system-id") {
      wanted.system_id = value;
    } else if (value != nullptr && name == "--password") {
      wanted.password = value;
    } else if (name == "--sessions" && number() > 0) {
      wanted.sessions = number();
    } else if (name == "--window" && number() > 0) {
      wanted.window = number();
    } else if (name == "--messages" && number() > 0) {
      wanted.messages = number();
    } else if (name == "--text-bytes" && number() < 255) {
      wanted.text_bytes = number();
    } else {
      std::fputs(
          "usage: raw_client [--host H] [--port P] [--sessions S] [--window W] [--messages N] [--text-bytes N]\n"
          "                  [--receipts] [--system-id ID] [--password P]\n",
          stderr);
      std::exit(2);
    }
  }
  return wanted;
}

int run(const settings& wanted) {
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  if (poll < 0) fail("epoll_create1");
  std::vector<std::unique_ptr<session>> sessions;
  for (std::size_t i = 0; i < wanted.sessions; ++i) {
    sessions.push_back(std::make_unique<session>(wanted, i));
    const int descriptor = sessions.back()->descriptor();
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) fail("fcntl");
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLOUT | EPOLLET;
    interest.data.u64 = i;
    if (::epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &interest) != 0) fail("epoll_ctl");
  }

  budget left{.to_send = wanted.messages};
  const double cpu_before = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  for (auto& each : sessions) each->push(left);
  std::vector<epoll_event> events(sessions.size());
  while (left.answered < wanted.messages) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 10'000);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    if (count == 0) throw std::runtime_error("no answer for ten seconds");
    for (int i = 0; i < count; ++i) {
      session& each = *sessions[events[static_cast<std::size_t>(i)].data.u64];
      while (each.pull(left)) {
      }
      each.push(left);
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double cpu = cpu_seconds() - cpu_before;
  for (auto& each : sessions) each->say_goodbye();
  ::close(poll);

  const auto messages = static_cast<double>(wanted.messages);
  std::printf(
      "{\"messages\": %llu, \"seconds\": %.6f, \"rate\": %.0f, \"cpu_ns_per_message\": %.1f, \"refused\": %llu, "
      "\"sessions\": %zu, \"window\": %zu, \"text_bytes\": %zu}\n",
      static_cast<unsigned long long>(wanted.messages), seconds, messages / seconds, cpu * 1e9 / messages,
      static_cast<unsigned long long>(left.refused), wanted.sessions, wanted.window, wanted.text_bytes);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "raw_client: %s\n", error.what());
    return 1;
  }
}
