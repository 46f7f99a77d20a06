// SPDX-License-Identifier: Apache-2.0
#include "measuring/own_process.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace muster {
namespace {

std::string error_text(int error) {
  return std::generic_category().message(error);
}

[[noreturn]] void work_and_exit(const OwnProcess::Work& work, Descriptor socket, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have ended before it was asked for.
  if (::getppid() != parent) ::_exit(EXIT_FAILURE);
  MessageLine line(std::move(socket));
  int status = EXIT_SUCCESS;
  try {
    work(line);
  } catch (...) {
    status = EXIT_FAILURE;
  }
  // Not _exit: sanitizers look for leaks on the way out. The line ends with the process.
  std::exit(status);
}

Status end_by_signal(int signal) {
  const std::string which = "signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
  if (signal == SIGKILL) {
    return resource_exhausted("its process was ended by " + which +
                              ", which is what the kernel does where memory runs out");
  }
  return internal_error("its process was ended by " + which);
}

}  // namespace

Status MessageLine::send(std::string_view message) {
  if (message.empty() || message.size() > kLongestMessage)
    return internal_error("a message of " + std::to_string(message.size()) + " bytes");
  ssize_t sent = 0;
  do {
    sent = ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return unavailable("the other process cannot be told: " + error_text(errno));
  return {};
}

std::optional<std::string> MessageLine::receive() {
  std::string message(kLongestMessage, '\0');
  ssize_t received = 0;
  do {
    received = ::recv(socket_.get(), message.data(), message.size(), 0);
  } while (received < 0 && errno == EINTR);
  // A process that ended with something unread resets its line: that is an end as well.
  if (received <= 0) return std::nullopt;
  message.resize(static_cast<std::size_t>(received));
  return message;
}

Result<std::unique_ptr<OwnProcess>> OwnProcess::begin(const Work& work) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return resource_exhausted("no line to a further process can be had: " + error_text(errno));
  Descriptor ours(ends[0]);
  Descriptor its(ends[1]);
  // What stands in a buffer would be written by both.
  std::fflush(nullptr);
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return resource_exhausted("no further process can be had: " + error_text(errno));
  if (pid == 0) {
    ours.close();
    work_and_exit(work, std::move(its), self);
  }
  return std::unique_ptr<OwnProcess>(new OwnProcess(pid, std::move(ours)));
}

OwnProcess::~OwnProcess() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  // How it ended is nobody's concern now.
  [[maybe_unused]] const Status ended = wait_for_end();
}

Result<std::optional<std::string>> OwnProcess::receive() {
  if (auto message = line_.receive()) return message;
  if (pid_ != 0) MUSTER_RETURN_IF_ERROR(wait_for_end());
  return std::optional<std::string>();
}

Status OwnProcess::wait_for_end() {
  int status = 0;
  pid_t gone = 0;
  do {
    gone = ::waitpid(pid_, &status, 0);
  } while (gone < 0 && errno == EINTR);
  pid_ = 0;
  if (gone < 0) return internal_error("its process is not known: " + error_text(errno));
  if (WIFSIGNALED(status)) return end_by_signal(WTERMSIG(status));
  if (WEXITSTATUS(status) == EXIT_SUCCESS) return {};
  return internal_error("its process ended with exit status " +
                        std::to_string(WEXITSTATUS(status)));
}

}  // namespace muster
