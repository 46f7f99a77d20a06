// SPDX-License-Identifier: Apache-2.0
#include "frontend/server_timing.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/decimal.h"

namespace muster {
namespace {

// As whole numbers: every answer has three of these, and printing floats is slow.
void append_milliseconds(std::string& out, std::chrono::nanoseconds duration) {
  const auto microseconds =
      std::max<std::int64_t>(0, std::chrono::round<std::chrono::microseconds>(duration).count());
  append_decimal(out, microseconds / 1000);
  const std::int64_t rest = microseconds % 1000;
  const std::array<char, 4> fraction = {'.', static_cast<char>('0' + rest / 100),
                                        static_cast<char>('0' + rest / 10 % 10),
                                        static_cast<char>('0' + rest % 10)};
  out.append(fraction.data(), fraction.size());
}

}  // namespace

void append_server_timing(const BatchReport& batch, std::int64_t version, std::string& out) {
  out += "queue;dur=";
  append_milliseconds(out, batch.queue);
  out += ", batch;dur=";
  append_milliseconds(out, batch.gather);
  out += ";desc=\"rows=";
  append_decimal(out, batch.rows);
  out += "\", compute;dur=";
  append_milliseconds(out, batch.compute);
  if (version == 0) return;
  out += ";desc=\"version=";
  append_decimal(out, version);
  out += '"';
}

}  // namespace muster
