// SPDX-License-Identifier: Apache-2.0
// Bytes of one connection, as a client sends them: read, routed and decoded without a socket. They
// are read twice, in pieces of different sizes, which must make no difference.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/http/message/header_list.h"
#include "frontend/http/message/multipart.h"
#include "frontend/http/message/request_reader.h"
#include "frontend/http/message/target.h"
#include "protocol/control_json.h"
#include "protocol/http/http_infer.h"
#include "shared_memory/shared_memory_regions.h"

namespace {

using namespace muster;

constexpr ReaderLimits kLimits{2048, 8192, 16384};

void require(bool condition) {
  if (!condition) std::abort();
}

// What a reader made of the bytes, to be compared.
struct Outcome {
  std::vector<std::string> requests;
  int refusal = 0;
  bool operator==(const Outcome&) const = default;
};

void decode(const Route& route, const RequestHead& head,
            const std::shared_ptr<const RequestBody>& body) {
  static const SharedMemoryRegions regions(false);
  static const ProtocolLimits limits;
  switch (route.endpoint) {
    case Endpoint::kInfer:
      static_cast<void>(
          decode_http_infer(body, head.json_length, {&limits, &regions, {}, nullptr}));
      break;
    case Endpoint::kClassify:
      static_cast<void>(
          parse_multipart(body->text(), parameter_of(head.content_type, "boundary"), {}));
      static_cast<void>(query_value(route.query, "top_k"));
      break;
    case Endpoint::kLoad:
      static_cast<void>(parse_load_query(body->text(), limits));
      break;
    case Endpoint::kIndex:
      static_cast<void>(parse_index_query(body->text(), limits));
      break;
    case Endpoint::kLogSettings:
      static_cast<void>(parse_settings(body->text(), limits));
      break;
    case Endpoint::kRegisterSystemRegion:
      static_cast<void>(parse_region_query(body->text(), limits));
      break;
    case Endpoint::kRegisterCudaRegion:
      static_cast<void>(parse_cuda_region_order(body->text(), limits));
      break;
    default:
      break;
  }
}

Outcome read(std::string_view bytes, std::size_t piece) {
  RequestReader reader(kLimits);
  Outcome outcome;
  Route route;
  while (true) {
    switch (reader.step()) {
      case RequestReader::Step::kNeedBytes: {
        require(!reader.space().empty());
        if (bytes.empty()) return outcome;
        const std::size_t count = std::min({piece, bytes.size(), reader.space().size()});
        std::memcpy(reader.space().data(), bytes.data(), count);
        bytes.remove_prefix(count);
        reader.commit(count);
        break;
      }
      case RequestReader::Step::kHead: {
        RequestHead& head = reader.head();
        require(head.target.size() <= kLimits.max_header_bytes);
        if (!find_route(head.target, head.method, route).ok()) route.endpoint = Endpoint::kNone;
        reader.keep_body();
        break;
      }
      case RequestReader::Step::kRequest: {
        const auto body = reader.take_body();
        require(body->size() <= kLimits.max_decompressed_bytes);
        require(reader.body_bytes() <= kLimits.max_body_bytes);
        decode(route, reader.head(), body);
        outcome.requests.push_back(reader.head().target + "\n" + std::string(body->text()));
        break;
      }
      case RequestReader::Step::kRefused:
        outcome.refusal = reader.refusal().status;
        require(outcome.refusal >= 400 && outcome.refusal < 600);
        require(reader.refusal().message.find('\n') == std::string::npos);
        return outcome;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  require(read(bytes, 1 + size % 7) == read(bytes, size + 1));
  return 0;
}
