// SPDX-License-Identifier: Apache-2.0
// OwnProcess: work in a process of its own, so that all it leaves behind is gone with it, memory
// above all, and so that what ends it does not end everything.
//
//   this process   begin -----------------> receive, send ... ----> how it ended
//                    | fork                    ^  |
//   its process      +-> work(line) ........ send, receive ...... > returns; the process exits
//
// The process is forked and starts no other program: it has all that this one had in its memory,
// and none of its threads. So begin it before a runtime is opened here, and with no other thread
// than such as sleep in the kernel. It never outlives the thread that began it, however that one
// ends.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include <muster/status.h>

#include "base/descriptor.h"

namespace muster {

// Longer ones are refused.
inline constexpr std::size_t kLongestMessage = std::size_t{64} << 10;

// One end of a line between two processes: whole messages, in order, none of them empty. One
// thread.
class MessageLine {
 public:
  explicit MessageLine(Descriptor socket) noexcept : socket_(std::move(socket)) {}

  // Waits while the other end has too many to read. An error where there is no other end.
  Status send(std::string_view message);
  // Waits for the next. Nothing: there is no other end, and no more will come.
  [[nodiscard]] std::optional<std::string> receive();

 private:
  Descriptor socket_;
};

class OwnProcess {
 public:
  // What it does. An exception that leaves it ends the process with an error.
  using Work = std::function<void(MessageLine& line)>;

  // Errors where no process can be had.
  [[nodiscard]] static Result<std::unique_ptr<OwnProcess>> begin(const Work& work);
  // Ends it, wherever it is, and waits until it is gone.
  ~OwnProcess();
  OwnProcess(const OwnProcess&) = delete;
  OwnProcess& operator=(const OwnProcess&) = delete;

  Status send(std::string_view message) { return line_.send(message); }
  // The next message. Nothing: the work is done. An error: something else ended the process, and
  // what.
  [[nodiscard]] Result<std::optional<std::string>> receive();

 private:
  OwnProcess(pid_t pid, Descriptor socket) noexcept : pid_(pid), line_(std::move(socket)) {}
  [[nodiscard]] Status wait_for_end();

  pid_t pid_;  // 0: it is gone
  MessageLine line_;
};

}  // namespace muster
