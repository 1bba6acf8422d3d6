#pragma once

#include <concurrentqueue/concurrentqueue.h>

#include <cstddef>
#include <utility>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace trunkline::engine {

/// The lock-free queue between threads, many producers and many consumers; elements of one producer keep their order.
/// Builds with ThreadSanitizer tell it what the queue's fences promise (what happened before an element was put in
/// happens before whoever takes it out goes on), since it does not know fences.
template <class T>
class shared_queue : private moodycamel::ConcurrentQueue<T> {
  using base = moodycamel::ConcurrentQueue<T>;

 public:
  /// A producer's or consumer's own place in one queue: cheaper than none. It must not outlive the queue.
  struct producer_token : moodycamel::ProducerToken {
    explicit producer_token(shared_queue& q) : moodycamel::ProducerToken(static_cast<base&>(q)) {}
  };
  struct consumer_token : moodycamel::ConsumerToken {
    explicit consumer_token(shared_queue& q) : moodycamel::ConsumerToken(static_cast<base&>(q)) {}
  };

  using base::base;
  using base::size_approx;

  bool enqueue(T item) {
    hand_over();
    return base::enqueue(std::move(item));
  }
  template <class It>
  bool enqueue_bulk(const producer_token& via, It items, std::size_t count) {
    hand_over();
    return base::enqueue_bulk(via, items, count);
  }
  template <class It>
  bool enqueue_bulk(It items, std::size_t count) {
    hand_over();
    return base::enqueue_bulk(items, count);
  }
  bool try_dequeue(T& item) {
    const bool any = base::try_dequeue(item);
    take_over();
    return any;
  }
  template <class It>
  std::size_t try_dequeue_bulk(consumer_token& via, It items, std::size_t most) {
    const std::size_t n = base::try_dequeue_bulk(via, items, most);
    take_over();
    return n;
  }
  template <class It>
  std::size_t try_dequeue_bulk(It items, std::size_t most) {
    const std::size_t n = base::try_dequeue_bulk(items, most);
    take_over();
    return n;
  }

 private:
#if defined(__SANITIZE_THREAD__)
  void hand_over() noexcept { __tsan_release(this); }
  void take_over() noexcept { __tsan_acquire(this); }
#else
  void hand_over() noexcept {}
  void take_over() noexcept {}
#endif
};

}  // namespace trunkline::engine
