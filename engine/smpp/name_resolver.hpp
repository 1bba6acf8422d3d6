#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace trunkline::engine {

/// Looks names up on threads of its own, so that a dead DNS server delays neither sending nor shutdown: the threads are
/// few, end when there is nothing to look up, and are never waited for.
class name_resolver {
 public:
  /// One look-up under way. Answers once, on a thread of the resolver, unless abandoned first.
  class query {
   public:
    using callback = std::function<void(std::vector<std::string> addresses, std::string error)>;
    explicit query(callback done) : done_(std::move(done)) {}
    /// After this returns, the callback is not running and will not be called.
    void abandon();
    void answer(std::vector<std::string> addresses, std::string error);

   private:
    std::mutex mutex_;
    callback done_;
  };

  name_resolver();
  ~name_resolver();
  name_resolver(const name_resolver&) = delete;
  name_resolver& operator=(const name_resolver&) = delete;

  /// All addresses of `host`, as numeric text, in the system's order; none and an error text when there are none.
  std::shared_ptr<query> resolve(std::string host, query::callback done);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace trunkline::engine
