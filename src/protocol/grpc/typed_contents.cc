// SPDX-License-Identifier: Apache-2.0
#include "protocol/grpc/typed_contents.h"

#include <numeric>
#include <optional>

namespace muster {
namespace {

// Where the last one ends with the run, and none is longer than a varint may be.
std::optional<std::size_t> varints_in(std::string_view run) noexcept {
  constexpr std::size_t kMaxVarintBytes = 10;
  std::size_t count = 0;
  std::size_t length = 0;
  for (const char byte : run) {
    ++length;
    if (static_cast<unsigned char>(byte) < 0x80) {
      ++count;
      length = 0;
    } else if (length == kMaxVarintBytes) {
      return std::nullopt;
    }
  }
  return length == 0 ? std::optional(count) : std::nullopt;
}

}  // namespace

bool TypedContents::add(WireReader contents) noexcept {
  return walk(contents, [this](int field, std::string_view run) { return add_run(field, run); });
}

bool TypedContents::add_run(int field, std::string_view run) noexcept {
  std::size_t& count = counts_[static_cast<std::size_t>(field)];
  if (field == Message::kBytesContentsFieldNumber) {
    string_bytes_ += run.size();
    ++count;
    return true;
  }
  if (field <= Message::kUint64ContentsFieldNumber) {
    const std::optional<std::size_t> varints = varints_in(run);
    count += varints.value_or(0);
    return varints.has_value();
  }
  const std::size_t size =
      field == Message::kFp32ContentsFieldNumber ? sizeof(float) : sizeof(double);
  if (first_floats_.empty()) first_floats_ = run;
  count += run.size() / size;
  return run.size() % size == 0;
}

std::size_t TypedContents::count() const noexcept {
  return std::accumulate(counts_.begin(), counts_.end(), std::size_t{0});
}

std::string_view TypedContents::floats() const noexcept {
  const std::size_t size = count(Message::kFp32ContentsFieldNumber) * sizeof(float) +
                           count(Message::kFp64ContentsFieldNumber) * sizeof(double);
  return first_floats_.size() == size ? first_floats_ : std::string_view();
}

}  // namespace muster
