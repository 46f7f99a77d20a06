// SPDX-License-Identifier: Apache-2.0
#include "client/connections.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace muster {
namespace {

constexpr std::size_t kReceivedAtOnce = std::size_t{1} << 16;
constexpr int kEventsAtOnce = 256;
constexpr std::uint32_t kWakeEvent = ~0U;
constexpr rlim_t kSpareDescriptors = 64;  // of the rest of the process

std::string reason() {
  return std::generic_category().message(errno);
}

// As many as the system lets a process have, where they are needed.
Status allow_descriptors(std::size_t count) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  const rlim_t wanted = static_cast<rlim_t>(count) + kSpareDescriptors;
  if (limit.rlim_cur >= wanted) return {};
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return {};
  return resource_exhausted(std::to_string(count) + " connections are more than the " +
                            std::to_string(limit.rlim_max) +
                            " open files that the process may have; raise 'ulimit -n'");
}

}  // namespace

// Frees the slot before the listener may ask it again.
class Connections::Handing final : public AnswerListener {
 public:
  Handing(Connections& connections, int number, AnswerListener& to)
      : connections_(connections), first_(number * connections.setup_.slots_each), to_(to) {}

  void answered(const Answer& answer) override {
    Answer numbered = answer;
    numbered.slot += first_;
    connections_.slots_[static_cast<std::size_t>(numbered.slot)] = Slot::kFree;
    to_.answered(numbered);
  }

 private:
  Connections& connections_;
  const int first_;
  AnswerListener& to_;
};

Result<Connections> Connections::open(Setup setup) {
  Connections connections(std::move(setup));
  MUSTER_RETURN_IF_ERROR(connections.start());
  return connections;
}

Status Connections::start() {
  const auto count = static_cast<std::size_t>(setup_.connections);
  const std::size_t slots = count * static_cast<std::size_t>(setup_.slots_each);
  if (slots > kMostSlots)
    return resource_exhausted("there can be " + std::to_string(kMostSlots) +
                              " requests in flight at most");
  MUSTER_RETURN_IF_ERROR(allow_descriptors(count));
  epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  wake_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_.is_open() || !wake_.is_open()) return internal_error("no epoll: " + reason());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = kWakeEvent;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0)
    return internal_error("epoll_ctl: " + reason());
  bytes_.resize(kReceivedAtOnce);
  slots_.assign(slots, Slot::kFree);
  connections_.resize(count);
  MUSTER_ASSIGN_OR_RETURN(places_, resolve(setup_.address));
  for (int number = 0; number < setup_.connections; ++number)
    MUSTER_RETURN_IF_ERROR(connect(number, setup_.connect_limit));
  return {};
}

Status Connections::connect(int number, Clock::Duration limit) {
  Connection& connection = connections_[static_cast<std::size_t>(number)];
  MUSTER_ASSIGN_OR_RETURN(connection.socket, connect_to(setup_.address, places_, limit));
  connection.wire = setup_.make_wire();
  connection.out.clear();
  connection.waits_to_send = false;
  MUSTER_RETURN_IF_ERROR(watch(number, true));
  connection.wire->greet(connection.out);
  return {};
}

Status Connections::watch(int number, bool is_new) {
  Connection& connection = connections_[static_cast<std::size_t>(number)];
  epoll_event event{};
  event.events = EPOLLIN | (connection.waits_to_send ? EPOLLOUT : 0U);
  event.data.u32 = static_cast<std::uint32_t>(number);
  if (::epoll_ctl(epoll_.get(), is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, connection.socket.get(),
                  &event) != 0)
    return internal_error("epoll_ctl: " + reason());
  return {};
}

bool Connections::in_use(int number) const noexcept {
  const auto first = slots_.begin() + static_cast<std::ptrdiff_t>(number) * setup_.slots_each;
  return std::any_of(first, first + setup_.slots_each,
                     [](Slot slot) { return slot == Slot::kInFlight; });
}

void Connections::ask(int slot, std::string_view request) {
  const int number = slot / setup_.slots_each;
  Connection& connection = connections_[static_cast<std::size_t>(number)];
  const bool leaves = connection.wire == nullptr || !connection.wire->reusable();
  if (leaves && (number == receiving_ || in_use(number))) {
    slots_[static_cast<std::size_t>(slot)] = Slot::kDeferred;
    connection.deferred.emplace_back(slot, request);
    return;
  }
  slots_[static_cast<std::size_t>(slot)] = Slot::kInFlight;
  if (leaves) {
    ++reconnects_;
    const Status connected =
        connect(number, std::min<Clock::Duration>(setup_.connect_limit, kReconnectLimit));
    if (!connected.ok()) return drop(number, std::string(connected.message()));
  }
  connection.wire->ask(slot % setup_.slots_each, request, connection.out);
  if (number != receiving_) send(number);
}

void Connections::send(int number) {
  Connection& connection = connections_[static_cast<std::size_t>(number)];
  const Status sent = connection.out.send_to(connection.socket.get());
  if (!sent.ok()) return drop(number, "the connection broke: " + std::string(sent.message()));
  if (connection.out.empty() == !connection.waits_to_send) return;
  connection.waits_to_send = !connection.out.empty();
  const Status watched = watch(number, false);
  if (!watched.ok()) drop(number, std::string(watched.message()));
}

void Connections::drop(int number, const std::string& why) {
  Connection& connection = connections_[static_cast<std::size_t>(number)];
  connection.socket.close();
  connection.wire.reset();
  connection.out.clear();
  connection.deferred.clear();
  const int first = number * setup_.slots_each;
  for (int number_of = first; number_of < first + setup_.slots_each; ++number_of) {
    Slot& slot = slots_[static_cast<std::size_t>(number_of)];
    if (slot != Slot::kInFlight && slot != Slot::kDeferred) continue;
    slot = Slot::kFailed;
    failures_.push_back({number_of, why});
  }
}

// All is answered on a connection that takes no more, or was closed.
void Connections::replace(int number) {
  const auto deferred = std::exchange(connections_[static_cast<std::size_t>(number)].deferred, {});
  for (const auto& [slot, request] : deferred)
    slots_[static_cast<std::size_t>(slot)] = Slot::kFree;
  drop(number, "");
  for (const auto& [slot, request] : deferred)
    ask(slot, request);
}

void Connections::abandon(int slot, std::string why) {
  drop(slot / setup_.slots_each, why);
}

void Connections::hand_out_failures(AnswerListener& listener) {
  // What fails from now on is told by the next call.
  for (const Failure& failure : std::exchange(failures_, {})) {
    slots_[static_cast<std::size_t>(failure.slot)] = Slot::kFree;
    listener.answered({failure.slot, Outcome::kFailed, failure.why, 0});
  }
}

void Connections::wake() const noexcept {
  const std::uint64_t one = 1;
  // Full is as good as written.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

// 1 where something is there, 0 where nothing is, or below 0.
int Connections::sleep(Clock::Duration limit) const noexcept {
  pollfd ready{epoll_.get(), POLLIN, 0};
  const timespec timeout{limit.count() / 1'000'000'000, limit.count() % 1'000'000'000};
  return ::ppoll(&ready, 1, &timeout, nullptr);
}

Status Connections::wait(Clock::Duration limit, AnswerListener& listener) {
  if (!failures_.empty()) {
    hand_out_failures(listener);
    limit = Clock::Duration{0};
  }
  std::array<epoll_event, kEventsAtOnce> events;  // NOLINT: written by epoll_wait
  limit = std::max(limit, Clock::Duration{0});
  const timespec timeout{limit.count() / 1'000'000'000, limit.count() % 1'000'000'000};
  int count = ::epoll_pwait2(epoll_.get(), events.data(), kEventsAtOnce, &timeout, nullptr);
  // Kernels before 5.11 count in milliseconds alone, and some sandboxes refuse what they do not
  // know.
  if (count < 0 && (errno == ENOSYS || errno == EPERM) && sleep(limit) >= 0)
    count = ::epoll_wait(epoll_.get(), events.data(), kEventsAtOnce, 0);
  if (count < 0 && errno != EINTR) return internal_error("epoll_wait: " + reason());
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u32 == kWakeEvent) {
      std::uint64_t wakes = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &wakes, sizeof(wakes));
    } else {
      serve(static_cast<int>(event.data.u32), event.events, listener);
    }
  }
  return {};
}

void Connections::serve(int number, std::uint32_t events, AnswerListener& listener) {
  Connection& connection = connections_[static_cast<std::size_t>(number)];
  if (connection.wire == nullptr) return;  // dropped since the event
  if ((events & ~EPOLLOUT) != 0) {
    Handing handing(*this, number, listener);
    receiving_ = number;
    const Result<bool> goes_on = receive(number, handing);
    receiving_ = -1;
    if (!goes_on.ok()) return drop(number, std::string(goes_on.status().message()));
    if (!*goes_on || (!connection.wire->reusable() && !in_use(number))) return replace(number);
  }
  if (!connection.out.empty()) send(number);
}

Result<bool> Connections::receive(int number, AnswerListener& listener) {
  Connection& connection = connections_[static_cast<std::size_t>(number)];
  const ssize_t got = ::recv(connection.socket.get(), bytes_.data(), bytes_.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return true;
  if (got < 0) return unavailable("the connection broke: " + reason());
  if (got > 0) {
    MUSTER_RETURN_IF_ERROR(connection.wire->take({bytes_.data(), static_cast<std::size_t>(got)},
                                                 connection.out, listener));
    return true;
  }
  MUSTER_RETURN_IF_ERROR(connection.wire->end(listener));
  return false;
}

}  // namespace muster
