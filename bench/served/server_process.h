// SPDX-License-Identifier: Apache-2.0
// A server in a process of its own, and what a process takes of the machine, read from outside:
// what is measured knows nothing of it. Failures are exceptions.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace muster::bench {

class ServerProcess {
 public:
  // Its standard output and input are pipes to here.
  explicit ServerProcess(const std::vector<std::string>& words);
  // SIGTERM; SIGKILL where that does not end it within some seconds.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  // The number behind the first occurrence of `words` in what it writes.
  [[nodiscard]] int wait_for_number_behind(const std::string& words);

 private:
  std::string name_;
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string written_;
};

}  // namespace muster::bench
