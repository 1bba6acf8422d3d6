// A poll loop of its own: control commands are rare, and must neither wait for the engine's threads nor hold them up.
#include "engine/assembly/control_server.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

namespace trunkline::engine {
namespace {

using nlohmann::json;
using steady = std::chrono::steady_clock;

std::string text_of(int error) { return std::generic_category().message(error); }

std::string refusal(const std::string& why) {
  return json{{"ok", false}, {"error", why}}.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

struct control_server::connection {
  explicit connection(int number) : descriptor(number) {}
  ~connection() { ::close(descriptor); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  int descriptor;
  std::string in;
  std::string out;
  bool ending = false;  ///< nothing more is read; closed when `out` is written
  steady::time_point deadline = steady::now() + patience;
};

control_server::control_server() = default;
control_server::~control_server() { stop(); }

void control_server::add(const std::string& name, command run) {
  const std::lock_guard lock(mutex_);
  commands_[name] = std::move(run);
}

std::string control_server::start(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fmt::format("{} is longer than the {} octets that the name of a socket may have", path,
                       sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) return path + " is there, and is no socket";
    if (::unlink(path.c_str()) < 0) return fmt::format("cannot replace {}: {}", path, text_of(errno));
  }
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  // The mode of the descriptor becomes that of the file, so that the file is never there with another one.
  if (listener_ < 0 || wake_ < 0 || ::fchmod(listener_, 0600) < 0 ||
      ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(listener_, static_cast<int>(most_connections)) < 0) {
    const int why = errno;
    stop();
    return fmt::format("cannot listen at {}: {}", path, text_of(why));
  }
  path_ = path;
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), "control");
  return {};
}

void control_server::stop() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
    thread_.join();
  }
  connections_.clear();
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
  for (int* descriptor : {&listener_, &wake_}) {
    if (*descriptor >= 0) ::close(*descriptor);
    *descriptor = -1;
  }
}

void control_server::run() {
  std::vector<pollfd> watched;
  for (;;) {
    const auto now = steady::now();
    int wait_ms = -1;
    watched.assign(
        {{wake_, POLLIN, 0}, {listener_, static_cast<short>(connections_.size() < most_connections ? POLLIN : 0), 0}});
    for (const auto& [descriptor, c] : connections_) {
      watched.push_back({descriptor, static_cast<short>(c->out.empty() ? POLLIN : POLLOUT), 0});
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(c->deadline - now).count();
      const int patience_ms = static_cast<int>(std::max<std::int64_t>(left, 0));
      wait_ms = wait_ms < 0 ? patience_ms : std::min(wait_ms, patience_ms);
    }
    if (::poll(watched.data(), watched.size(), wait_ms) < 0 && errno != EINTR) {
      spdlog::error("the control socket has failed: {}", text_of(errno));
      return;
    }
    if (watched[0].revents != 0) return;
    for (std::size_t i = 2; i < watched.size(); ++i) {
      connection& c = *connections_.at(watched[i].fd);
      const bool alive = watched[i].revents == 0 ? steady::now() < c.deadline : serve(c, watched[i].revents);
      if (!alive) connections_.erase(watched[i].fd);
    }
    if ((watched[1].revents & POLLIN) != 0) accept_one();
  }
}

void control_server::accept_one() {
  const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) {
    // Without a free descriptor the visitor stays in the queue; looking again at once would only spin.
    if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return;
  }
  auto c = std::make_unique<connection>(descriptor);
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
      (peer.uid != ::geteuid() && peer.uid != 0)) {
    spdlog::warn("control socket: a connection of user {} was refused", peer.uid);
    return;
  }
  connections_.emplace(descriptor, std::move(c));
}

bool control_server::serve(connection& c, short events) {
  if ((events & POLLOUT) != 0 || !c.out.empty()) {
    const auto written = ::send(c.descriptor, c.out.data(), c.out.size(), MSG_NOSIGNAL);
    if (written < 0) return errno == EAGAIN || errno == EINTR;
    c.out.erase(0, static_cast<std::size_t>(written));
    c.deadline = steady::now() + patience;
    return !c.out.empty() || !c.ending;
  }
  char piece[4096];
  const auto got = ::recv(c.descriptor, piece, sizeof piece, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  c.in.append(piece, static_cast<std::size_t>(got));
  // The deadline stays until a request is whole: a client that trickles octets has no more time than a silent one.
  std::size_t begin = 0;
  for (std::size_t end; (end = c.in.find('\n', begin)) != std::string::npos; begin = end + 1) {
    c.out += answer(std::string_view(c.in).substr(begin, end - begin));
    c.deadline = steady::now() + patience;
  }
  c.in.erase(0, begin);
  if (c.in.size() > longest_request) {
    c.out += refusal(fmt::format("a request has at most {} octets", longest_request));
    c.ending = true;
    c.in.clear();
  }
  return true;
}

std::string control_server::answer(std::string_view line) const {
  const json request = json::parse(line, nullptr, false);
  if (!request.is_object()) return refusal("a request is one JSON object on one line");
  const auto named = request.find("command");
  if (named == request.end() || !named->is_string()) return refusal("a request names its \"command\"");
  const auto& name = named->get_ref<const std::string&>();
  command run;
  {
    const std::lock_guard lock(mutex_);
    const auto found = commands_.find(name);
    if (found != commands_.end()) run = found->second;
  }
  if (!run) return refusal(fmt::format("this engine has no command \"{}\"", name));
  try {
    json reply = run(request);
    reply["ok"] = true;
    return reply.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  } catch (const std::exception& error) {
    return refusal(error.what());
  }
}

}  // namespace trunkline::engine
