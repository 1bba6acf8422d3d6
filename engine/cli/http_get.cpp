#include "engine/cli/http_get.hpp"

#include <civetweb.h>

#include <array>
#include <cstdlib>

#include <fmt/format.h>

namespace trunkline::engine {

tl::expected<std::string, std::string> http_get(const std::string& server, const std::string& path) {
  std::string address = server;
  if (address.starts_with("http://")) address.erase(0, 7);
  while (!address.empty() && address.back() == '/') address.pop_back();
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) return tl::unexpected(fmt::format("{}: no port", server));
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "0.0.0.0" || host.empty()) host = "127.0.0.1";
  const int port = std::atoi(address.c_str() + colon + 1);
  std::array<char, 256> error{};
  mg_connection* c = mg_connect_client(host.c_str(), port, 0, error.data(), error.size());
  if (c == nullptr) return tl::unexpected(fmt::format("no engine answers at {}: {}", address, error.data()));
  mg_printf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path.c_str(), address.c_str());
  std::string body;
  int status = 0;
  if (mg_get_response(c, error.data(), error.size(), 2000) >= 0) {
    status = mg_get_response_info(c)->status_code;
    std::array<char, 16384> piece;
    for (int n = mg_read(c, piece.data(), piece.size()); n > 0; n = mg_read(c, piece.data(), piece.size())) {
      body.append(piece.data(), static_cast<std::size_t>(n));
    }
  }
  mg_close_connection(c);
  if (status == 0) return tl::unexpected(fmt::format("{} did not answer: {}", address, error.data()));
  if (status != 200) return tl::unexpected(fmt::format("{}{} answered {}: {}", address, path, status, body));
  return body;
}

}  // namespace trunkline::engine
