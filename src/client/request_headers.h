// SPDX-License-Identifier: Apache-2.0
// RequestHeaders: the header blocks of gRPC requests on one HTTP/2 connection (HPACK, RFC 7541),
// all of which say the same: as names and values once, and by their numbers from then on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace muster {

class RequestHeaders {
 public:
  // `bearer_token`: "" = none; else it is in every block, and in no table.
  RequestHeaders(std::string_view path, std::string_view authority, std::string_view bearer_token);

  // The server keeps no table, or a small one: what was in it is gone, and nothing is put there.
  void forget();
  // The block of the next request.
  void append_to(std::string& block);

 private:
  void add(std::string_view kept, std::string_view plain, std::string_view name,
           std::string_view value);

  std::string with_table_;  // puts them into the connection's table
  std::string known_;       // names them there
  std::string without_table_;
  std::string secret_;
  std::size_t entries_ = 0;
  bool sent_ = false;
  bool plain_ = false;
  bool emptied_ = true;
};

}  // namespace muster
