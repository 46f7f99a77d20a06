// SPDX-License-Identifier: Apache-2.0
#include "frontend/transport/event_loop.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/timerfd.h>

namespace muster {
namespace {

int opened(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::system_category(), what);
  return descriptor;
}

}  // namespace

EventLoop::EventLoop() : epoll_(opened(::epoll_create1(EPOLL_CLOEXEC), "epoll")) {}

void EventLoop::control(int operation, int descriptor, std::uint32_t events, EventSource& source) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &source;
  opened(::epoll_ctl(epoll_.get(), operation, descriptor, &event), "epoll");
}

void EventLoop::watch(int descriptor, std::uint32_t events, EventSource& source) {
  control(EPOLL_CTL_ADD, descriptor, events, source);
}

void EventLoop::change(int descriptor, std::uint32_t events, EventSource& source) {
  control(EPOLL_CTL_MOD, descriptor, events, source);
}

void EventLoop::forget(int descriptor, EventSource& source) noexcept {
  epoll_event none{};
  static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, &none));
  for (std::size_t i = 0; i < count_; ++i) {
    if (events_[i].data.ptr == &source) events_[i].data.ptr = nullptr;
  }
  EventSource* const none_of_them = nullptr;
  std::replace(due_.begin(), due_.end(), &source, none_of_them);
  std::erase(deferred_, &source);
}

void EventLoop::look(int timeout) noexcept {
  const int got = ::epoll_wait(epoll_.get(), events_.data(), kMaxEvents, timeout);
  count_ = got > 0 ? static_cast<std::size_t>(got) : 0;  // none where a signal came
}

std::size_t EventLoop::tell() noexcept {
  std::swap(due_, deferred_);
  std::size_t told = 0;
  // By index: what is told may forget those behind it.
  for (std::size_t i = 0; i < count_; ++i) {
    if (events_[i].data.ptr == nullptr) continue;
    static_cast<EventSource*>(events_[i].data.ptr)->ready(events_[i].events);
    ++told;
  }
  count_ = 0;
  for (std::size_t i = 0; i < due_.size(); ++i) {
    if (due_[i] == nullptr) continue;
    due_[i]->ready(0);
    ++told;
  }
  due_.clear();
  return told;
}

Alarm::Alarm()
    : timer_(opened(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd")) {}

void Alarm::set(std::chrono::milliseconds after) noexcept {
  itimerspec when{};
  when.it_value.tv_sec = after.count() / 1000;
  when.it_value.tv_nsec = after.count() % 1000 * 1'000'000;
  // It can only fail for a descriptor or a time that are none.
  static_cast<void>(::timerfd_settime(timer_.get(), 0, &when, nullptr));
}

}  // namespace muster
