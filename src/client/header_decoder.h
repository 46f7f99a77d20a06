// SPDX-License-Identifier: Apache-2.0
// HeaderDecoder: the header blocks of an HTTP/2 connection (HPACK, RFC 7541), of which a client of
// gRPC wants three fields.
//
// Blocks must be read in the order in which they came, all of them. The dynamic table is bounded by
// the protocol's default of 4096 bytes. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace muster {

struct GrpcFields {
  int http_status = 0;             // 0: none
  std::optional<int> grpc_status;  // none: there was none, or no number
  std::string grpc_message;        // without its percent-encoding
};

class HeaderDecoder {
 public:
  static constexpr std::size_t kTableBytes = 4096;

  // Adds what is in the block to `fields`. False: it is malformed, and the connection with it.
  [[nodiscard]] bool read(std::string_view block, GrpcFields& fields);

 private:
  enum class Field : std::uint8_t { kOther, kHttpStatus, kGrpcStatus, kGrpcMessage };
  struct Name {
    Field field = Field::kOther;
    std::size_t bytes = 0;
  };
  struct Entry {
    Name name;
    std::string value;  // "" of fields that nobody asks for
    std::size_t bytes = 0;
  };

  static Name name_of(std::string_view text) noexcept;
  static void put(Field field, std::string_view value, GrpcFields& fields);
  bool read_number(std::string_view& block, int prefix_bits, std::size_t& number) noexcept;
  bool read_text(std::string_view& block, std::string& text);
  bool read_indexed(std::size_t index, GrpcFields& fields);
  bool read_literal(std::string_view& block, int prefix_bits, bool kept, GrpcFields& fields);
  bool find_name(std::size_t index, Name& name) const noexcept;
  void keep(const Name& name, std::string_view value);
  void shrink_to(std::size_t bytes) noexcept;

  std::deque<Entry> table_;  // the newest first
  std::size_t bytes_ = 0;
  std::size_t most_bytes_ = kTableBytes;
  std::string text_;
  std::string name_text_;
};

// Appends what Huffman's code of RFC 7541 (Appendix B) stands for. False: it is none.
[[nodiscard]] bool decode_huffman(std::string_view coded, std::string& text);

}  // namespace muster
