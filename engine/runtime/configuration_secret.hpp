#pragma once

#include <string>
#include <utility>

namespace trunkline::engine {

/// A password. It has no output operator and no formatter, so that it cannot slip into a log line, and is overwritten
/// when it dies.
class secret {
 public:
  secret() = default;
  explicit secret(std::string value) : value_(std::move(value)) {}
  secret(const secret&) = default;
  secret& operator=(const secret& other) {
    if (this != &other) {
      wipe();
      value_ = other.value_;
    }
    return *this;
  }
  secret(secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
  secret& operator=(secret&& other) noexcept {
    if (this != &other) {
      wipe();
      value_ = std::move(other.value_);
      other.wipe();
    }
    return *this;
  }
  ~secret() { wipe(); }

  /// The value itself, for the bind PDU. Lives as long as the secret.
  [[nodiscard]] const std::string& reveal() const noexcept { return value_; }
  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

  friend bool operator==(const secret&, const secret&) = default;

 private:
  void wipe() noexcept {
    // Writes through volatile are not optimised away before the string dies.
    volatile char* octets = value_.data();
    for (std::size_t i = 0; i < value_.size(); ++i) octets[i] = '\0';
    value_.clear();
  }
  std::string value_;
};

}  // namespace trunkline::engine
