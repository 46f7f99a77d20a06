// SPDX-License-Identifier: Apache-2.0
#include "shared_memory/guarded_mapping.h"

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <mutex>

#include <sys/mman.h>
#include <unistd.h>

namespace muster {
namespace {

// What this thread reads at the moment.
struct Reading {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  sigjmp_buf back = {};
};

// A plain pointer with no constructor to run, so that the handler can look at it at any time.
constinit thread_local Reading* reading_now = nullptr;

struct sigaction handled_before = {};

void pass_on(int signal, siginfo_t* info, void* context) noexcept {
  if ((handled_before.sa_flags & SA_SIGINFO) != 0) {
    handled_before.sa_sigaction(signal, info, context);
  } else if (handled_before.sa_handler != SIG_DFL && handled_before.sa_handler != SIG_IGN) {
    handled_before.sa_handler(signal);
  } else {
    // As without us: the instruction is tried again and ends the process.
    (void)::sigaction(signal, &handled_before, nullptr);
  }
}

void on_bus_error(int signal, siginfo_t* info, void* context) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  Reading* const reading = reading_now;
  // A fault of the processor, and not of the page, carries an address too, but another code.
  if (reading == nullptr || info->si_code != BUS_ADRERR || address < reading->begin ||
      address >= reading->end) {
    return pass_on(signal, info, context);
  }
  // Out of memcpy alone, which holds nothing.
  siglongjmp(reading->back, 1);
}

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = on_bus_error;
    // SA_NODEFER: the signal is not blocked while it is handled, and so need not be freed again.
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    (void)sigemptyset(&action.sa_mask);
    (void)::sigaction(SIGBUS, &action, &handled_before);
  });
}

}  // namespace

std::unique_ptr<GuardedMapping> GuardedMapping::of(int file, std::uint64_t offset,
                                                   std::size_t size) {
  install_handler();
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t skipped = offset % page;
  void* const start = ::mmap(nullptr, skipped + size, PROT_READ, MAP_SHARED, file,
                             static_cast<off_t>(offset - skipped));
  if (start == MAP_FAILED) return nullptr;
  return std::unique_ptr<GuardedMapping>(new GuardedMapping(start, skipped, size));
}

GuardedMapping::~GuardedMapping() {
  ::munmap(start_, skipped_ + size_);
}

bool GuardedMapping::read(std::span<std::byte> into, std::size_t from) const noexcept {
  if (into.empty()) return true;
  const std::byte* const source = static_cast<const std::byte*>(start_) + skipped_ + from;
  Reading reading;
  reading.begin = reinterpret_cast<std::uintptr_t>(source);
  reading.end = reading.begin + into.size();
  // Whoever comes back here has lost nothing: no object with a destructor lies in between.
  if (sigsetjmp(reading.back, 0) != 0) {  // NOLINT(cert-err52-cpp): no exception leaves a signal
    reading_now = nullptr;
    return false;
  }
  reading_now = &reading;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(into.data(), source, into.size());
  std::atomic_signal_fence(std::memory_order_seq_cst);
  reading_now = nullptr;
  return true;
}

}  // namespace muster
