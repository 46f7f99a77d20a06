// SPDX-License-Identifier: Apache-2.0
// What gRPC writes into fields of HTTP/2: timeouts, messages of a status, names of codings. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster {

// Of grpc-timeout: one to eight digits and a unit, "250m". More than fits is as long as can be.
// Nothing where it is no timeout.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_grpc_timeout(
    std::string_view value) noexcept;

// As grpc-message wants it: all but printable ASCII, and '%', as %XX.
void append_percent_encoded(std::string_view text, std::string& out);

// Whether a content-type is gRPC's: "application/grpc", alone or with "+proto" or ";...". What
// stands behind the plus is the client's affair: bytes that are no message are refused as such.
[[nodiscard]] bool is_grpc_content_type(std::string_view value) noexcept;

// How a message is compressed. "deflate" is the format of zlib.
enum class MessageCoding : std::uint8_t { kIdentity, kDeflate, kGzip };

// As the fields write it: "gzip".
[[nodiscard]] std::string_view coding_name(MessageCoding coding) noexcept;
// Of grpc-encoding; nothing where it is unknown.
[[nodiscard]] std::optional<MessageCoding> parse_message_coding(std::string_view value) noexcept;
// Whether grpc-accept-encoding, a list, names the coding.
[[nodiscard]] bool accepts_coding(std::string_view list, MessageCoding coding) noexcept;

// What is understood here, as grpc-accept-encoding says it.
inline constexpr std::string_view kAcceptedCodings = "identity,deflate,gzip";

}  // namespace muster
