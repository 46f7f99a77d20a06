// SPDX-License-Identifier: Apache-2.0
// RunningFrontend: an HttpFrontend over played services, and requests to send to it.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/testing/fake_clock.h"
#include "frontend/http/http_frontend.h"
#include "frontend/testing/fake_services.h"
#include "frontend/testing/raw_client.h"

namespace muster::testing {

class RunningFrontend {
 public:
  explicit RunningFrontend(Clock& clock = steady_clock(), bool shared_memory = false,
                           RegionOpener opener = {})
      : fakes(clock, shared_memory, std::move(opener)) {
    options.listeners = {HttpListener{}};
  }

  // Adjust these before `start`.
  FakeServices fakes;
  HttpOptions options;

  // The error, where it does not start.
  Status start() {
    services_.emplace(fakes.services());
    auto started = HttpFrontend::start(*services_, options);
    if (!started.ok()) return started.status();
    frontend_ = std::move(started).value();
    return {};
  }
  void stop() { frontend_.reset(); }
  [[nodiscard]] HttpFrontend& operator*() { return *frontend_; }
  [[nodiscard]] HttpFrontend* operator->() { return frontend_.get(); }
  [[nodiscard]] std::uint16_t port(std::size_t listener = 0) const {
    return frontend_->ports()[listener];
  }
  // On a connection of its own.
  [[nodiscard]] RawReply ask(std::string_view request) {
    RawClient client(port());
    return client.send(request).reply(!request.starts_with("HEAD"));
  }

 private:
  std::optional<FrontServices> services_;
  std::unique_ptr<HttpFrontend> frontend_;
};

inline std::string request_text(std::string_view method, std::string_view target,
                                std::string_view body = "", std::string_view headers = "") {
  std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" +
                     std::string(headers);
  if (method == "POST" && headers.find("Transfer-Encoding") == std::string_view::npos) {
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return text + "\r\n" + std::string(body);
}

inline std::string get(std::string_view target, std::string_view headers = "") {
  return request_text("GET", target, "", headers);
}

inline std::string post(std::string_view target, std::string_view body = "",
                        std::string_view headers = "") {
  return request_text("POST", target, body, headers);
}

// Asks model "echo" for its input, as JSON, with `id`.
inline std::string infer_json(std::string_view id, std::string_view headers = "") {
  return post("/v2/models/echo/infer",
              R"({"id":")" + std::string(id) +
                  R"(","inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]})",
              headers);
}

// The same with binary tensors both ways.
inline std::string infer_binary(const std::vector<float>& values, std::string_view headers = "") {
  const std::string json =
      R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,)" + std::to_string(values.size()) +
      R"(],"parameters":{"binary_data_size":)" + std::to_string(values.size() * sizeof(float)) +
      R"(}}],"parameters":{"binary_data_output":true}})";
  std::string body = json;
  body.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return post("/v2/models/echo/infer", body,
              "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n" +
                  std::string(headers));
}

// The values behind the JSON of a binary reply.
inline std::vector<float> binary_values(const RawReply& reply) {
  const std::size_t json =
      std::strtoul(reply.header("Inference-Header-Content-Length").c_str(), nullptr, 10);
  std::vector<float> values((reply.body.size() - json) / sizeof(float));
  std::memcpy(values.data(), reply.body.data() + json, values.size() * sizeof(float));
  return values;
}

}  // namespace muster::testing
