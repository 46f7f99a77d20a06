// SPDX-License-Identifier: Apache-2.0
// RequestReader: the bytes of one connection become requests, one after the other.
//
// Knows no socket: bytes are received into `space`, told of by `commit`, and `step` says how far
// they led. A body of known length is received into its RequestBody, or becomes it with the buffer
// that it came in; a chunked or compressed one goes through the buffer, piece by piece, so that at
// no time more than one form of it is held. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/memory/byte_memory.h"
#include "frontend/http/message/content_coding.h"
#include "frontend/http/message/request_head.h"
#include "protocol/http/chunk_reader.h"
#include "protocol/request_body.h"

namespace muster {

struct ReaderLimits {
  std::size_t max_header_bytes;
  std::size_t max_body_bytes;
  std::size_t max_decompressed_bytes;
};

class RequestReader {
 public:
  enum class Step : std::uint8_t {
    kNeedBytes,  // receive into space(), commit, step again
    kHead,       // head() is complete: call keep_body or drop_body, then step on
    kRequest,    // and its body: take_body, if it was kept
    kRefused,    // refusal() says why; nothing more can be read here
  };

  static constexpr std::size_t kNoLimit = SIZE_MAX;

  explicit RequestReader(const ReaderLimits& limits) noexcept : limits_(limits) {}
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Leads on until something is to be done. Throws bad_alloc.
  [[nodiscard]] Step step();
  // After kNeedBytes: where to receive to, never empty. Stays until the next `step`.
  [[nodiscard]] std::span<std::byte> space() const noexcept { return space_; }
  void commit(std::size_t received) noexcept;

  // From kHead until the next request's kHead; may be moved from.
  [[nodiscard]] RequestHead& head() noexcept { return head_; }
  // Whether it came byte for byte as the one before it did.
  [[nodiscard]] bool head_is_repeated() const noexcept { return repeated_; }
  [[nodiscard]] const Refusal& refusal() const noexcept { return refusal_; }
  // `spare`: a body that nobody views any more, whose memory is used again; null = none. `at_most`
  // bytes, as they come and unpacked, where that is less than the limits.
  void keep_body(std::shared_ptr<RequestBody> spare = nullptr,
                 std::size_t at_most = kNoLimit) noexcept {
    keeping_ = true;
    body_ = std::move(spare);
    at_most_ = at_most;
  }
  // Its bytes are read and thrown away.
  void drop_body() noexcept {
    keeping_ = false;
    at_most_ = kNoLimit;
  }
  // Never null.
  [[nodiscard]] std::shared_ptr<RequestBody> take_body();
  // Of the body, as they came.
  [[nodiscard]] std::size_t body_bytes() const noexcept { return body_bytes_; }
  // Whether a request has begun and is not complete.
  [[nodiscard]] bool is_inside() const noexcept { return state_ != State::kHead || begin_ < end_; }
  // Whether none of the body is here although its head is: the moment for "100 Continue".
  [[nodiscard]] bool awaits_body() const noexcept { return begin_ == end_; }

 private:
  enum class State : std::uint8_t { kHead, kBodyBegins, kFixedBody, kChunkedBody, kRefused };

  [[nodiscard]] Step read_head();
  [[nodiscard]] bool take_repeated_head();
  [[nodiscard]] Step parse_head();
  void remember_head(std::string_view text);
  [[nodiscard]] Step begin_request(std::size_t head_bytes);
  [[nodiscard]] Step begin_body();
  [[nodiscard]] Step read_fixed_body();
  [[nodiscard]] Step read_chunked_body();
  [[nodiscard]] Step finish();
  [[nodiscard]] Step refuse(Refusal refusal);
  [[nodiscard]] Step need_bytes(std::size_t at_most);
  void resize_buffer(std::size_t size);
  // Whether the body is the rest of the buffer as it is to be kept, and worth a buffer of its own.
  [[nodiscard]] bool fills_buffer() const noexcept;
  void hand_buffer_over();
  [[nodiscard]] Status keep(std::span<const std::byte> piece);
  [[nodiscard]] std::string_view buffered() const noexcept;
  [[nodiscard]] std::size_t body_limit() const noexcept {
    return std::min(limits_.max_body_bytes, at_most_);
  }

  const ReaderLimits& limits_;
  State state_ = State::kHead;
  bool keeping_ = false;
  std::size_t at_most_ = kNoLimit;  // of this request's body
  bool direct_ = false;             // space_ lies in body_
  ByteMemory buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::span<std::byte> space_;
  HeadEnd head_end_;
  RequestHead head_;
  // The last one, as it came and as it was read: a client's requests tend to differ in their bodies
  // alone, and equal bytes say the same.
  std::string remembered_text_;  // "" = none
  RequestHead remembered_;
  bool repeated_ = false;
  ChunkReader chunks_;
  std::optional<Inflater> inflater_;
  std::shared_ptr<RequestBody> body_;
  std::size_t body_bytes_ = 0;
  std::size_t remaining_ = 0;  // of a body of known length
  bool chunked_ = false;
  Coding coding_ = Coding::kIdentity;
  Refusal refusal_;
};

// What the client is told of a body that cannot be kept.
[[nodiscard]] Refusal refusal_of(const Status& status);

}  // namespace muster
