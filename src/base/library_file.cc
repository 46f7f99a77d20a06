// SPDX-License-Identifier: Apache-2.0
#include "base/library_file.h"

#include <filesystem>
#include <string_view>
#include <system_error>

#include <dlfcn.h>

namespace muster {

std::string library_of(const void* address) {
  Dl_info place{};
  if (address == nullptr || dladdr(address, &place) == 0 || place.dli_fname == nullptr) return {};
  std::error_code error;
  // The program itself goes by the name it was called by, which says nothing of its place.
  const bool has_place = std::string_view(place.dli_fname).find('/') != std::string_view::npos;
  const std::filesystem::path file =
      std::filesystem::canonical(has_place ? place.dli_fname : "/proc/self/exe", error);
  return error ? std::string() : file.string();
}

}  // namespace muster
