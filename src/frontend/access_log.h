// SPDX-License-Identifier: Apache-2.0
// AccessLog: one JSON line a request, for those who want to know who asked what. Off by default.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <muster/inference.h>

namespace muster {

struct AccessEntry {
  std::string_view transport;  // "http", "grpc"
  std::string_view peer;       // "127.0.0.1:4711", "unix:"
  std::string_view method;     // "POST", or the gRPC method's name
  std::string_view target;     // the path, as it came
  std::string_view request_id;
  std::string_view model;
  std::int64_t version = 0;
  int status = 0;  // HTTP status, or gRPC code
  std::size_t request_bytes = 0;
  std::size_t reply_bytes = 0;
  std::chrono::nanoseconds duration{
      0};                              // from the last byte of the request to the reply's encoding
  const BatchReport* batch = nullptr;  // of inferences
  std::string_view error;              // "" = none
};

// Any thread. Text from outside is escaped as JSON, so no entry can forge another.
class AccessLog {
 public:
  AccessLog() = default;  // off
  // "-" is stdout. Lines are appended.
  [[nodiscard]] static Result<std::unique_ptr<AccessLog>> open(const std::string& path);
  virtual ~AccessLog() = default;

  [[nodiscard]] bool enabled() const noexcept { return sink_ != nullptr; }
  void write(const AccessEntry& entry) noexcept;

 private:
  struct Sink;
  std::shared_ptr<Sink> sink_;
};

}  // namespace muster
