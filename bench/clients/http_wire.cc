// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <strings.h>

#include "bench/clients/wire.h"

namespace muster::bench {
namespace {

// Of a head that ends in an empty line; names in any case.
std::size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "\ncontent-length:";
  for (std::size_t at = head.find('\n'); at != std::string_view::npos;
       at = head.find('\n', at + 1)) {
    if (head.size() - at > kName.size() &&
        ::strncasecmp(head.data() + at, kName.data(), kName.size()) == 0)
      return std::strtoul(head.data() + at + kName.size(), nullptr, 10);
  }
  throw std::runtime_error("an answer without Content-Length");
}

class HttpWire final : public Wire {
 public:
  void greet(std::string&) override {}

  void ask(int, std::string_view request, std::string& out) override { out += request; }

  void take(std::string_view bytes, std::string&, const OnAnswer& on_answer) override {
    received_ += bytes;
    const std::size_t head = received_.find("\r\n\r\n");
    if (head == std::string::npos) return;
    const std::string_view text = received_;
    const std::size_t length = content_length(text.substr(0, head + 4));
    if (text.size() < head + 4 + length) return;
    if (text.size() > head + 4 + length) throw std::runtime_error("more than was asked for");
    const int status = std::atoi(received_.c_str() + sizeof("HTTP/1.1"));
    if (status != 200 && status != 503)
      throw std::runtime_error("the server answers: " + received_.substr(0, 600));
    on_answer({0, status == 200, text.substr(head + 4)});
    received_.clear();
  }

 private:
  std::string received_;
};

}  // namespace

std::unique_ptr<Wire> make_http_wire() {
  return std::make_unique<HttpWire>();
}

}  // namespace muster::bench
