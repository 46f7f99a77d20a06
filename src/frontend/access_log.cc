// SPDX-License-Identifier: Apache-2.0
#include "frontend/access_log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <concepts>
#include <cstring>
#include <ctime>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "protocol/control_json.h"

namespace muster {
namespace {

// Of any text in a line: a target can have as many bytes as a request's headers may.
constexpr std::size_t kMaxLoggedBytes = 1024;

class Line {
 public:
  Line() { text_.reserve(512); }

  void add(std::string_view name, std::string_view value) {
    begin(name);
    append_json_string(text_, value.substr(0, kMaxLoggedBytes));
  }
  template <std::integral Number>
  void add(std::string_view name, Number value) {
    begin(name);
    append_json_number(text_, value);
  }
  void add_microseconds(std::string_view name, std::chrono::nanoseconds value) {
    add(name, std::chrono::duration_cast<std::chrono::microseconds>(value).count());
  }
  // With its end of line.
  [[nodiscard]] std::string_view finish() {
    text_ += "}\n";
    return text_;
  }

 private:
  void begin(std::string_view name) {
    text_ += text_.empty() ? '{' : ',';
    text_ += '"';
    text_ += name;
    text_ += "\":";
  }

  std::string text_;
};

std::string time_now() {
  std::timespec now{};
  std::tm utc{};
  if (std::timespec_get(&now, TIME_UTC) == 0 || gmtime_r(&now.tv_sec, &utc) == nullptr) return "";
  std::array<char, 40> text;
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::string out(text.data(), length);
  const std::string milliseconds = std::to_string(now.tv_nsec / 1'000'000);
  return out + '.' + std::string(3 - milliseconds.size(), '0') + milliseconds + 'Z';
}

void add_batch(Line& line, const BatchReport& batch) {
  line.add("batch_rows", batch.rows);
  line.add("batch_requests", batch.requests);
  line.add("close_reason", close_reason_name(batch.reason));
  line.add_microseconds("queue_microseconds", batch.queue);
  line.add_microseconds("gather_microseconds", batch.gather);
  line.add_microseconds("compute_microseconds", batch.compute);
}

}  // namespace

struct AccessLog::Sink {
  explicit Sink(int descriptor) noexcept : file(descriptor) {}
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink() { ::close(file); }

  // One call a line, so that lines of several threads stay whole.
  void write(std::string_view line) const noexcept {
    while (!line.empty()) {
      const ssize_t written = ::write(file, line.data(), line.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;  // a full disk must not stop the server
      line.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  const int file;
};

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path) {
  const int file = path == "-"
                       ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                       : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (file < 0) {
    return invalid_argument("access log " + printable(path) + ": " + std::strerror(errno) +
                            "; name a file that can be written, or - for the standard output");
  }
  auto log = std::make_unique<AccessLog>();
  log->sink_ = std::make_shared<Sink>(file);
  return log;
}

void AccessLog::write(const AccessEntry& entry) noexcept try {
  if (!enabled()) return;
  Line line;
  line.add("time", time_now());
  line.add("transport", entry.transport);
  line.add("peer", entry.peer);
  line.add("method", entry.method);
  line.add("target", entry.target);
  line.add("status", entry.status);
  line.add("request_id", entry.request_id);
  if (!entry.model.empty()) {
    line.add("model", entry.model);
    line.add("version", entry.version);
  }
  line.add("request_bytes", entry.request_bytes);
  line.add("reply_bytes", entry.reply_bytes);
  line.add_microseconds("duration_microseconds", entry.duration);
  if (entry.batch != nullptr) add_batch(line, *entry.batch);
  if (!entry.error.empty()) line.add("error", entry.error);
  sink_->write(line.finish());
} catch (...) {
  log(LogLevel::kWarning, "an access log entry was lost: out of memory");
}

}  // namespace muster
