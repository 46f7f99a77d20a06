// SPDX-License-Identifier: Apache-2.0
// WaitingLine: the requests that wait, in the order in which they will be taken: by priority level,
// in a level what is late behind the rest (QueueLevel::delays), then by deadline.
//
// Requests whose rows have the same shapes form a group, each with a line of its own. No threads:
// the queue uses it under its lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "batching/batch_policy.h"
#include "batching/pending_request.h"
#include "batching/target/target_policy.h"

namespace muster {

// What holds for the requests of one priority level.
struct QueueLevel {
  std::size_t max_requests = 4096;      // waiting; more are refused
  std::chrono::nanoseconds timeout{0};  // in the queue; 0 = none
  // When the timeout is over: true = the request stands behind all others of its level that are not
  // late; false = it has expired. Its own deadline holds in both cases.
  bool delays = false;
};

class WaitingLine {
 public:
  // A request without a deadline stands in line as if its deadline were this far away, so that it
  // is neither overtaken for ever nor in anybody's way.
  static constexpr std::chrono::seconds kUndatedHorizon{1};

  struct Group {
    explicit Group(std::uint64_t key) : row_key(key) {}
    Group(Group&&) noexcept = default;
    Group& operator=(Group&&) noexcept = default;
    Group(const Group&) = delete;

    std::uint64_t row_key;
    std::deque<PendingRequestPtr> requests;
    std::int64_t rows = 0;
    std::size_t dated = 0;  // of them have a deadline
  };

  // The first of `levels` goes first. `default_level`: of requests whose priority is 0 or names no
  // level.
  WaitingLine(std::vector<QueueLevel> levels, std::size_t default_level);

  // Sets what the queue sets in a request: its level, its deadline by the level's timeout, its
  // place. To be called before insert.
  void place(PendingRequest& request, TimePoint now) const;
  void insert(PendingRequestPtr request);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] static std::size_t level_of(const PendingRequest& request) noexcept {
    return request.rank / 2;
  }
  [[nodiscard]] std::size_t level_size(std::size_t level) const { return level_sizes_[level]; }
  [[nodiscard]] const QueueLevel& level(std::size_t level) const { return levels_[level]; }

  // Some may be empty.
  [[nodiscard]] std::span<const Group> groups() const noexcept { return groups_; }
  [[nodiscard]] std::size_t waiting_groups() const noexcept;
  // Of a group that is not empty. Looks at times only where `limits` make them matter.
  [[nodiscard]] QueueSnapshot snapshot(const Group& group, const BatchLimits& limits) const;
  // The first of a group that is not empty, which have one rank, until `rows` have been seen. Puts
  // them into `members`, which the view points into.
  [[nodiscard]] LineView view(const Group& group, std::int64_t rows,
                              std::vector<LineMember>& members) const;
  // The first of a is taken before the first of b.
  [[nodiscard]] static bool goes_before(const Group& a, const Group& b);

  // Takes out the first of a group.
  PendingRequestPtr take_first(std::size_t group);
  // Takes out all that have this ticket, which is not 0.
  void take_ticket(RequestTicket ticket, std::vector<PendingRequestPtr>& taken);
  // Takes out all whose deadline has come.
  void take_expired(TimePoint now, std::vector<PendingRequestPtr>& taken);
  // Sends back behind the others what has become late.
  void send_back_late(TimePoint now);
  // To be called after taking out; group numbers change.
  void drop_empty_groups();

  // No waiting request's deadline is earlier; it may be that none is that early any more.
  [[nodiscard]] TimePoint earliest_deadline() const noexcept { return earliest_deadline_; }

 private:
  [[nodiscard]] std::vector<Group>::iterator find_group(const PendingRequest& request);
  PendingRequestPtr take(Group& group, std::size_t index);
  void take_expired_of(Group& group, TimePoint now, std::vector<PendingRequestPtr>& taken);
  [[nodiscard]] PendingRequest*& chain_of(RequestTicket ticket);

  const std::vector<QueueLevel> levels_;
  const std::size_t default_level_;
  const bool in_order_of_arrival_;  // as long as no request has a deadline
  std::vector<Group> groups_;
  std::vector<std::size_t> level_sizes_;
  // By the ticket's last bits: requests linked through next_in_chain.
  std::vector<PendingRequest*> chains_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  TimePoint earliest_deadline_ = kNoDeadline;
  TimePoint earliest_lateness_ = kNoDeadline;  // likewise
};

}  // namespace muster
