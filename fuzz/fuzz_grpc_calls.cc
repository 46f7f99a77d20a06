// SPDX-License-Identifier: Apache-2.0
// Whole calls of gRPC, on a stream that is played: any fields, any bytes, in pieces, and ends at
// any time. Bytes: the method, the length of pieces, how it ends, after how many pieces a round is;
// then a line with fields, then the body.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <google/protobuf/stubs/logging.h>

#include "base/check.h"
#include "frontend/grpc/services/generic_methods.h"
#include "frontend/grpc/testing/scripted_stream.h"

namespace {

using muster::Http2Closing;
using muster::Http2Field;
using muster::testing::ScriptedCalls;
using muster::testing::ScriptedStream;

constexpr std::size_t kControls = 4;

enum Ending : std::uint8_t { kEnds, kGoes, kWaits, kServerStops, kEndings };

// The next of the fields, which '|' parts.
std::string next_field(std::string_view& line) {
  const std::size_t end = std::min(line.find('|'), line.size());
  std::string field(line.substr(0, end));
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

ScriptedStream::Fields fields_of(std::string path, std::string_view line) {
  ScriptedStream::Fields fields = ScriptedCalls::fields_of(std::move(path));
  for (const Http2Field field : {Http2Field::kTimeout, Http2Field::kEncoding,
                                 Http2Field::kAcceptEncoding, Http2Field::kAuthorization})
    fields[field] = next_field(line);
  if (!line.empty()) fields[Http2Field::kContentType] = next_field(line);
  return fields;
}

std::string path_of(std::uint8_t number) {
  const auto methods = muster::generic_methods();
  const std::size_t chosen = number % (methods.size() + 2);
  if (chosen < methods.size()) return std::string(methods[chosen].path);
  return chosen == methods.size() ? std::string(muster::kModelInferPath) : "/no/such";
}

// Rounds and what the transport takes, until nothing happens any more.
void settle(ScriptedCalls& calls, ScriptedStream& stream) {
  bool more = true;
  while (more) {
    calls.thread.round();
    more = stream.call != nullptr && stream.take_sends() != 0;
  }
  if (stream.call != nullptr && stream.is_finished) stream.close(Http2Closing::kAnswered);
}

void check(ScriptedCalls& calls, const ScriptedStream& stream, bool is_answered, std::size_t sent) {
  MUSTER_CHECK(stream.call == nullptr && calls.is_drained());
  MUSTER_CHECK(stream.consumed <= sent);
  if (is_answered) {
    const std::string code = stream.code();
    int number = -1;
    std::from_chars(code.data(), code.data() + code.size(), number);
    MUSTER_CHECK(number >= 0 && number <= 16);
    for (const char letter : stream.words())
      MUSTER_CHECK(letter >= ' ' && letter <= '~');
  }
  std::size_t whole = 0;
  for (const std::string& message : stream.messages())
    whole += message.size() + muster::MessageReader::kPrefixBytes;
  MUSTER_CHECK(whole == stream.body.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // protobuf tells of every text that is no UTF-8.
  static const google::protobuf::LogSilencer silent;
  if (size < kControls) return 0;
  std::string_view body(reinterpret_cast<const char*>(data) + kControls, size - kControls);
  const std::string_view line = body.substr(0, body.find('\n'));
  body.remove_prefix(std::min(line.size() + 1, body.size()));
  const std::size_t length = std::size_t{data[1]} + 1;
  const auto ending = static_cast<Ending>(data[2] % kEndings);
  const std::size_t pieces_a_round = std::size_t{data[3]} + 1;

  ScriptedCalls calls;
  calls.fakes.limits.max_body_bytes = std::size_t{1} << 20;
  calls.fakes.limits.max_decompressed_bytes = std::size_t{1} << 20;
  calls.fakes.limits.max_pipelined_requests = 4;
  ScriptedStream& stream = calls.begin(fields_of(path_of(data[0]), line));
  std::size_t sent = 0;
  for (std::size_t piece = 0; sent < body.size(); ++piece) {
    const std::string_view part = body.substr(sent, length);
    stream.say(part);
    sent += part.size();
    if ((piece + 1) % pieces_a_round != 0) continue;
    calls.thread.round();
    stream.take_sends();
  }
  if (ending == kEnds) stream.end();
  if (ending == kWaits) {
    calls.clock.advance(calls.fakes.limits.receive_timeout);
    calls.check_time();
  }
  if (ending == kServerStops) calls.stop();
  if (ending != kGoes) settle(calls, stream);
  const bool is_answered = stream.call == nullptr;
  // Streams and watchers may stay as long as they like.
  MUSTER_CHECK(is_answered || ending != kEnds ||
               stream.field(Http2Field::kPath).ends_with("Watch"));
  if (!is_answered) stream.close(Http2Closing::kByClient);
  settle(calls, stream);
  check(calls, stream, is_answered, sent);
  return 0;
}
