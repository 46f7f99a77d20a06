// SPDX-License-Identifier: Apache-2.0
// GrpcCaller: what a call says of the client that makes it, by whichever of gRPC's surfaces it
// came.
#pragma once

#include <string>
#include <string_view>

#include <grpc/support/time.h>
#include <grpcpp/server_context.h>

namespace muster {

// One loop's thread, while the call is open.
class GrpcCaller {
 public:
  // The first value under `key` (lower case), "" where there is none. Lives as long as the call.
  [[nodiscard]] virtual std::string_view metadata(std::string_view key) const = 0;
  // As gRPC prints it, see PeerAddresses.
  [[nodiscard]] virtual std::string peer() const = 0;
  // On whichever clock of gRPC's; infinite where the client named none.
  [[nodiscard]] virtual gpr_timespec deadline() const = 0;

 protected:
  ~GrpcCaller() = default;
};

// Of a call of the C++ surface. Borrows the context.
class ContextCaller final : public GrpcCaller {
 public:
  explicit ContextCaller(const grpc::ServerContext& context) noexcept : context_(context) {}

  [[nodiscard]] std::string_view metadata(std::string_view key) const override {
    const auto& all = context_.client_metadata();
    const auto found = all.find(grpc::string_ref(key.data(), key.size()));
    if (found == all.end()) return {};
    return {found->second.data(), found->second.size()};
  }
  [[nodiscard]] std::string peer() const override { return context_.peer(); }
  [[nodiscard]] gpr_timespec deadline() const override { return context_.raw_deadline(); }

 private:
  const grpc::ServerContext& context_;
};

}  // namespace muster
