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

// The mapped bytes that this thread copies from or to at the moment.
struct Access {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  sigjmp_buf back = {};
};

// A plain pointer with no constructor to run, so that the handler can look at it at any time.
constinit thread_local Access* access_now = nullptr;

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
  Access* const access = access_now;
  // A fault of the processor, and not of the page, carries an address too, but another code.
  if (access == nullptr || info->si_code != BUS_ADRERR || address < access->begin ||
      address >= access->end) {
    return pass_on(signal, info, context);
  }
  // Out of memcpy alone, which holds nothing.
  siglongjmp(access->back, 1);
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

// For where somebody stands before our handler who blocks signals meanwhile, as ThreadSanitizer
// does.
void unblock_bus_errors() noexcept {
  sigset_t bus_errors;
  (void)sigemptyset(&bus_errors);
  (void)sigaddset(&bus_errors, SIGBUS);
  (void)::pthread_sigmask(SIG_UNBLOCK, &bus_errors, nullptr);
}

// False: a page behind `mapped`, which is `to` or `from`, is gone.
bool copy(std::byte* to, const std::byte* from, std::size_t size,
          const std::byte* mapped) noexcept {
  if (size == 0) return true;
  Access access;
  access.begin = reinterpret_cast<std::uintptr_t>(mapped);
  access.end = access.begin + size;
  // Whoever comes back here has lost nothing: no object with a destructor lies in between.
  if (sigsetjmp(access.back, 0) != 0) {  // NOLINT(cert-err52-cpp): no exception leaves a signal
    access_now = nullptr;
    unblock_bus_errors();
    return false;
  }
  access_now = &access;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(to, from, size);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  access_now = nullptr;
  return true;
}

}  // namespace

std::unique_ptr<GuardedMapping> GuardedMapping::of(int file, std::uint64_t offset,
                                                   std::size_t size) {
  install_handler();
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t skipped = offset % page;
  void* const start = ::mmap(nullptr, skipped + size, PROT_READ | PROT_WRITE, MAP_SHARED, file,
                             static_cast<off_t>(offset - skipped));
  if (start == MAP_FAILED) return nullptr;
  return std::unique_ptr<GuardedMapping>(new GuardedMapping(start, skipped, size));
}

GuardedMapping::~GuardedMapping() {
  ::munmap(start_, skipped_ + size_);
}

bool GuardedMapping::read(std::span<std::byte> into, std::size_t from) const noexcept {
  return copy(into.data(), byte_at(from), into.size(), byte_at(from));
}

bool GuardedMapping::write(std::span<const std::byte> bytes, std::size_t at) const noexcept {
  return copy(byte_at(at), bytes.data(), bytes.size(), byte_at(at));
}

}  // namespace muster
