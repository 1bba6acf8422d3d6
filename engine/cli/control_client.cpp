#include "engine/cli/control_client.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/spool/spool_paths.hpp"

namespace trunkline::engine {
namespace {

using nlohmann::json;

struct descriptor {
  ~descriptor() { ::close(number); }
  int number;
};

std::string text_of(int error) {
  if (error == EAGAIN) return "no answer in time";
  return std::generic_category().message(error);
}

}  // namespace

tl::expected<json, control_failure> ask_engine(const std::string& data_dir, const json& request,
                                               std::chrono::milliseconds patience) {
  const std::string path = spool_paths{{}, data_dir}.control();
  const auto refuse = [&](bool running, const std::string& why) {
    return tl::unexpected(control_failure{running, fmt::format("{}: {}", path, why)});
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return refuse(false, "the name is too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  const descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (socket.number < 0) return refuse(false, text_of(errno));
  const auto ms = patience.count();
  const timeval limit{ms / 1000, ms % 1000 * 1000};
  ::setsockopt(socket.number, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(socket.number, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    const int why = errno;
    if (why == ENOENT || why == ECONNREFUSED)
      return tl::unexpected(control_failure{false, fmt::format("no engine is running on {}", data_dir)});
    return refuse(why == EAGAIN, text_of(why));
  }
  const std::string line = request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  for (std::string_view left = line; !left.empty();) {
    const auto sent = ::send(socket.number, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return refuse(true, text_of(errno));
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string got;
  while (got.empty() || got.back() != '\n') {
    char piece[16384];
    const auto count = ::recv(socket.number, piece, sizeof piece, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refuse(true, text_of(errno));
    if (count == 0) return refuse(true, "the engine ended without an answer");
    got.append(piece, static_cast<std::size_t>(count));
  }
  json reply = json::parse(got, nullptr, false);
  if (!reply.is_object()) return refuse(true, "the answer is not JSON");
  if (reply.value("ok", false)) return reply;
  return tl::unexpected(control_failure{true, reply.value("error", "refused")});
}

}  // namespace trunkline::engine
