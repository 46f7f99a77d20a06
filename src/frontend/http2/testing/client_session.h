// SPDX-License-Identifier: Apache-2.0
// ClientSession: a client's side of HTTP/2 for tests, by nghttp2 too, and frames of any kind as
// bytes, for what no well-behaved client sends.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

namespace muster::testing {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                         std::string_view payload = {}) {
  std::string bytes;
  const auto put = [&bytes](std::uint32_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
      bytes += static_cast<char>(value >> shift & 0xffU);
  };
  put(static_cast<std::uint32_t>(payload.size()), 3);
  put(type, 1);
  put(flags, 1);
  put(stream, 4);
  return bytes.append(payload);
}

// A header block without compression: fields that are never indexed, with short texts.
inline std::string header_block(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string block;
  const auto put = [&block](const std::string& text) {
    if (text.size() < 127) {
      block += static_cast<char>(text.size());
    } else {
      block += '\x7f';
      std::size_t rest = text.size() - 127;
      for (; rest >= 128; rest /= 128)
        block += static_cast<char>(rest % 128 + 128);
      block += static_cast<char>(rest);
    }
    block += text;
  };
  for (const auto& [name, value] : fields) {
    block += '\x10';
    put(name);
    put(value);
  }
  return block;
}

inline std::vector<std::pair<std::string, std::string>> request_fields(
    const std::string& path = "/p.S/M") {
  return {{":method", "POST"},    {":scheme", "http"}, {":path", path},
          {":authority", "here"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
}

// What a client hears of one stream.
struct Heard {
  std::vector<std::pair<std::string, std::string>> fields;  // of the head and the trailers
  std::string body;
  bool ended = false;
  bool closed = false;
  std::uint32_t error = 0;

  [[nodiscard]] std::string field(std::string_view name) const {
    for (const auto& [its_name, value] : fields) {
      if (its_name == name) return value;
    }
    return {};
  }
};

class ClientSession {
 public:
  explicit ClientSession(std::vector<nghttp2_settings_entry> settings = {}) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    EXPECT_EQ(nghttp2_session_client_new2(&session_, callbacks, this, options), 0);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, 0, settings.data(), settings.size());
  }
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;
  ~ClientSession() { nghttp2_session_del(session_); }

  // Asks with a body; without an end where `ends` is false. The stream's number.
  std::int32_t ask(std::string body, bool ends = true, const std::string& path = "/p.S/M") {
    std::vector<nghttp2_nv> fields;
    const auto texts = request_fields(path);
    for (const auto& [name, value] : texts)
      fields.push_back({bytes_of_text(name), bytes_of_text(value), name.size(), value.size(), 0});
    Asked* const asked = &asked_.emplace_back(Asked{std::move(body), 0, ends});
    nghttp2_data_provider provider{};
    provider.source.ptr = asked;
    provider.read_callback = read_body;
    return nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &provider,
                                  nullptr);
  }
  void reset(std::int32_t stream) {
    nghttp2_submit_rst_stream(session_, 0, stream, NGHTTP2_CANCEL);
  }
  void consume(std::int32_t stream, std::size_t bytes) {
    nghttp2_session_consume(session_, stream, bytes);
  }

  [[nodiscard]] std::string output() {
    std::string all;
    const std::uint8_t* bytes = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;)
      all.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    return all;
  }
  void input(std::string_view bytes) {
    EXPECT_EQ(nghttp2_session_mem_recv(
                  session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }

  std::map<std::int32_t, Heard> heard;
  std::vector<std::uint32_t> goaways;  // their errors
  int pings = 0;

 private:
  struct Asked {
    std::string body;
    std::size_t sent;
    bool ends;
  };

  static std::uint8_t* bytes_of_text(const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }
  static ClientSession& of(void* self) { return *static_cast<ClientSession*>(self); }
  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t most,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& asked = *static_cast<Asked*>(source->ptr);
    const std::size_t part = asked.body.copy(reinterpret_cast<char*>(out), most, asked.sent);
    asked.sent += part;
    if (asked.sent == asked.body.size() && asked.ends) *flags = NGHTTP2_DATA_FLAG_EOF;
    if (part == 0 && !asked.ends) return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(part);
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* self) {
    of(self).heard[frame->hd.stream_id].fields.emplace_back(
        std::string(reinterpret_cast<const char*>(name), name_size),
        std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                     std::size_t size, void* self) {
    of(self).heard[stream].body.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    ClientSession& client = of(self);
    if (frame->hd.type == NGHTTP2_GOAWAY) client.goaways.push_back(frame->goaway.error_code);
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) ++client.pings;
    const bool ends = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (ends && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      client.heard[frame->hd.stream_id].ended = true;
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self) {
    of(self).heard[stream].closed = true;
    of(self).heard[stream].error = error;
    return 0;
  }

  nghttp2_session* session_ = nullptr;
  std::list<Asked> asked_;
};

}  // namespace muster::testing
