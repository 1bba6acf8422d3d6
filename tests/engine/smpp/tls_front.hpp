#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <list>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/engine/smpp/test_certificates.hpp"

namespace trunkline::engine::test {

/// TLS in front of a plain server on loopback, by OpenSSL's own blocking calls: what stunnel would be. One thread a
/// connection.
class tls_front {
 public:
  struct options {
    std::string pem;        ///< certificate and key
    std::string client_ca;  ///< clients must show a certificate of it
    int max_version = 0;    ///< 0: any
  };

  tls_front(std::uint16_t behind, const options& how) : behind_(behind), context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX* context = context_.get();
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    if (how.max_version != 0) SSL_CTX_set_max_proto_version(context, how.max_version);
    if (SSL_CTX_use_certificate_chain_file(context, how.pem.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, how.pem.c_str(), SSL_FILETYPE_PEM) != 1) {
      throw std::runtime_error("bad certificate " + how.pem);
    }
    if (!how.client_ca.empty()) {
      SSL_CTX_load_verify_locations(context, how.client_ca.c_str(), nullptr);
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~tls_front() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& t : threads_) t.join();
    ::close(listener_);
  }

  std::uint16_t port = 0;
  std::atomic<int> handshakes{0};    ///< that succeeded
  std::atomic<int> refused{0};       ///< that did not
  std::atomic<int> orderly_ends{0};  ///< close_notify received

  /// The server name of the last handshake (SNI).
  std::string server_name() {
    const std::lock_guard lock(mutex_);
    return server_name_;
  }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }

  void accept_all() {
    while (!stopping_) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      threads_.emplace_back([this, fd] {
        serve(fd);
        ::close(fd);
      });
    }
  }

  void serve(int fd) {
    // Reading all certificates of a system takes a slow build seconds.
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::unique_ptr<SSL, openssl_free> ssl(SSL_new(context_.get()));
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) {
      ++refused;
      ERR_clear_error();
      return;
    }
    const timeval brief{.tv_sec = 0, .tv_usec = 100'000};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief);
    {
      const std::lock_guard lock(mutex_);
      const char* name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name);
      server_name_ = name == nullptr ? "" : name;
    }
    ++handshakes;
    const int inner = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(behind_);
    if (::connect(inner, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) pump(ssl.get(), fd, inner);
    ::close(inner);
  }

  void pump(SSL* ssl, int outer, int inner) {
    std::array<char, 32768> chunk;
    while (!stopping_) {
      std::array<pollfd, 2> ready = {{{outer, POLLIN, 0}, {inner, POLLIN, 0}}};
      if (SSL_pending(ssl) == 0 && ::poll(ready.data(), ready.size(), 50) <= 0) continue;
      if (SSL_pending(ssl) != 0 || ready[0].revents != 0) {
        const int n = SSL_read(ssl, chunk.data(), static_cast<int>(chunk.size()));
        if (n <= 0) {
          if (SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ) continue;
          if ((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0) ++orderly_ends;
          ERR_clear_error();
          return;
        }
        for (int at = 0; at < n;) {
          const auto sent = ::send(inner, chunk.data() + at, static_cast<std::size_t>(n - at), MSG_NOSIGNAL);
          if (sent <= 0) return;
          at += static_cast<int>(sent);
        }
      }
      if (ready[1].revents != 0) {
        const auto n = ::recv(inner, chunk.data(), chunk.size(), 0);
        if (n <= 0 || SSL_write(ssl, chunk.data(), static_cast<int>(n)) <= 0) {
          SSL_shutdown(ssl);
          return;
        }
      }
    }
  }

  const std::uint16_t behind_;
  std::unique_ptr<SSL_CTX, openssl_free> context_;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::string server_name_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace trunkline::engine::test
