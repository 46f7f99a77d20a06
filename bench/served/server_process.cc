// SPDX-License-Identifier: Apache-2.0
#include "bench/served/server_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace muster::bench {
namespace {

constexpr int kMillisecondsToStart = 30000;
constexpr int kTenthsToEnd = 50;

}  // namespace

ServerProcess::ServerProcess(const std::vector<std::string>& words) : name_(words.at(0)) {
  std::array<int, 2> to{};
  std::array<int, 2> from{};
  if (::pipe2(to.data(), O_CLOEXEC) != 0 || ::pipe2(from.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("no pipe could be made");
  input_ = to[1];
  output_ = from[0];
  std::vector<char*> arguments;
  for (const std::string& word : words)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
  const int error =
      ::posix_spawn(&pid_, name_.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(to[0]);
  ::close(from[1]);
  if (error != 0) throw std::runtime_error(name_ + " cannot be started");
}

ServerProcess::~ServerProcess() {
  ::close(input_);
  ::kill(pid_, SIGTERM);
  for (int tenth = 0; ::waitpid(pid_, nullptr, WNOHANG) == 0; ++tenth) {
    if (tenth == kTenthsToEnd) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ::close(output_);
}

int ServerProcess::wait_for_number_behind(const std::string& words) {
  while (true) {
    const std::size_t at = written_.find(words);
    // Whole only when something that is no digit stands behind it.
    if (at != std::string::npos &&
        written_.find_first_not_of("0123456789", at + words.size()) != std::string::npos)
      return std::atoi(written_.c_str() + at + words.size());
    pollfd ready{output_, POLLIN, 0};
    std::array<char, 4096> part{};
    ssize_t got = 0;
    if (::poll(&ready, 1, kMillisecondsToStart) > 0)
      got = ::read(output_, part.data(), part.size());
    if (got <= 0) throw std::runtime_error(name_ + " did not write '" + words + "'");
    written_.append(part.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace muster::bench
