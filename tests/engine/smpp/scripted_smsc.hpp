#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "protocol/pdu.hpp"

namespace trunkline::engine::test {

/// An SMSC on loopback whose every reaction a test decides: blocking sockets, one thread a connection. It knows how to
/// frame and how to write a PDU, and nothing else.
class scripted_smsc {
 public:
  class connection {
   public:
    explicit connection(int fd, std::size_t index) : index(index), fd_(fd) {}
    ~connection() { ::close(fd_); }

    void send(std::span<const std::uint8_t> octets) {
      const std::lock_guard lock(mutex_);
      while (!octets.empty()) {
        const ssize_t n = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
        if (n <= 0) return;
        octets = octets.subspan(static_cast<std::size_t>(n));
      }
    }
    template <typename Pdu>
    void send(const Pdu& pdu, std::uint32_t sequence, protocol::command_status status = protocol::command_status::rok) {
      std::array<std::uint8_t, 1024> out{};
      const std::size_t size = protocol::write_pdu(out, status, sequence, pdu);
      send(std::span<const std::uint8_t>(out).first(size));
    }
    /// The usual answer of a well-behaved SMSC.
    void answer(const protocol::frame& pdu, protocol::command_status status = protocol::command_status::rok) {
      using protocol::command_id;
      const std::uint32_t sequence = pdu.header.sequence_number;
      switch (pdu.header.id) {
        case command_id::bind_receiver:
        case command_id::bind_transmitter:
        case command_id::bind_transceiver: {
          protocol::bind_resp resp;
          resp.id = protocol::response_of(pdu.header.id);
          if (status == protocol::command_status::rok) resp.system_id = "smsc";
          return send(resp, sequence, status);
        }
        case command_id::submit_sm: {
          protocol::submit_sm_resp resp;
          const std::string id = "id" + std::to_string(index) + "-" + std::to_string(sequence);
          if (status == protocol::command_status::rok) resp.message_id = id;
          return send(resp, sequence, status);
        }
        case command_id::enquire_link:
          return send(protocol::enquire_link_resp{}, sequence);
        case command_id::unbind:
          return send(protocol::unbind_resp{}, sequence);
        default:
          return;
      }
    }
    void close() { ::shutdown(fd_, SHUT_RDWR); }

    const std::size_t index;  ///< 0 for the first connection accepted

   private:
    friend class scripted_smsc;
    const int fd_;
    std::mutex mutex_;
  };

  /// Called for each PDU on the connection's thread; with no script, answer() is called.
  using script = std::function<void(connection&, const protocol::frame&)>;

  /// `receive_buffer`: octets that wait in the kernel for us at most, about; 0: as many as usual.
  explicit scripted_smsc(script s = {}, int receive_buffer = 0) : script_(std::move(s)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer != 0) ::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~scripted_smsc() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (const auto& c : connections_) c->close();
    for (auto& t : threads_) t.join();
    ::close(listener_);
  }

  std::uint16_t port = 0;
  std::atomic<std::size_t> accepted{0};
  std::atomic<std::size_t> binds{0};
  std::atomic<std::size_t> submits{0};
  std::atomic<std::size_t> unbinds{0};
  std::atomic<std::size_t> enquiries{0};
  std::atomic<std::size_t> open{0};

  /// Connection number `index`; null when it was not accepted yet.
  std::shared_ptr<connection> at(std::size_t index) {
    const std::lock_guard lock(mutex_);
    return index < connections_.size() ? connections_[index] : nullptr;
  }

 private:
  void accept_all() {
    while (!stopping_) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const int yes = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      const std::lock_guard lock(mutex_);
      auto c = std::make_shared<connection>(fd, connections_.size());
      connections_.push_back(c);
      ++open;
      ++accepted;
      threads_.emplace_back([this, c] {
        serve(*c);
        --open;
      });
    }
  }

  void serve(connection& c) {
    std::vector<std::uint8_t> buffer;
    std::array<std::uint8_t, 65536> chunk{};
    for (;;) {
      const ssize_t n = ::recv(c.fd_, chunk.data(), chunk.size(), 0);
      if (n <= 0) break;
      buffer.insert(buffer.end(), chunk.begin(), chunk.begin() + n);
      std::size_t at = 0;
      for (;;) {
        const auto cut = protocol::next_frame(std::span<const std::uint8_t>(buffer).subspan(at));
        if (cut.kind != protocol::frame_kind::complete) break;
        at += cut.frame.octets.size();
        count(cut.frame.header.id);
        if (script_) {
          script_(c, cut.frame);
        } else {
          c.answer(cut.frame);
        }
      }
      buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(at));
    }
    c.close();
  }

  void count(protocol::command_id id) {
    using protocol::command_id;
    if (id == command_id::submit_sm) ++submits;
    if (id == command_id::unbind) ++unbinds;
    if (id == command_id::enquire_link) ++enquiries;
    if (id == command_id::bind_receiver || id == command_id::bind_transmitter || id == command_id::bind_transceiver) {
      ++binds;
    }
  }

  script script_;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<std::shared_ptr<connection>> connections_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace trunkline::engine::test
