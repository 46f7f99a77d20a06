// SPDX-License-Identifier: Apache-2.0
// SharedBytes: memory that this process shares with a server, of the GPU or of the system.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "client/server_address.h"

namespace muster::bench {

enum class Sharing { kCuda, kSystem };

// Registered with the server for as long as it lives. Failures are exceptions.
class SharedBytes {
 public:
  [[nodiscard]] static std::unique_ptr<SharedBytes> of(Sharing sharing, std::size_t size,
                                                       const ServerAddress& http);
  SharedBytes(const SharedBytes&) = delete;
  SharedBytes& operator=(const SharedBytes&) = delete;
  virtual ~SharedBytes() = default;

  // Of the region.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  virtual void put(std::size_t at, std::span<const std::byte> bytes) = 0;
  virtual void get(std::size_t from, std::span<std::byte> into) const = 0;

 protected:
  // `kind`: "cuda" or "system", as the server's paths have it.
  SharedBytes(std::string kind, ServerAddress http);
  void register_with(const std::string& body) const;
  void unregister() const;

 private:
  [[nodiscard]] std::string path(const std::string& what) const;

  const std::string kind_;
  const ServerAddress http_;
  const std::string name_;
};

}  // namespace muster::bench
