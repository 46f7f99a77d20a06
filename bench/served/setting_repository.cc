// SPDX-License-Identifier: Apache-2.0
#include "bench/served/setting_repository.h"

#include <fstream>
#include <stdexcept>
#include <system_error>

#include <stdlib.h>

namespace muster::bench {

SettingRepository::SettingRepository(const std::string& model,
                                     const std::vector<Setting>& settings) {
  std::string pattern = std::filesystem::temp_directory_path() / "muster-bench-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error(pattern + " cannot be made");
  folder_ = pattern;
  for (const Setting& setting : settings) {
    const std::filesystem::path folder = folder_ / setting.name;
    std::filesystem::create_directory(folder);
    std::filesystem::copy(std::filesystem::path(model) / "1", folder / "1",
                          std::filesystem::copy_options::recursive);
    if (!setting.config.empty()) std::ofstream(folder / "config.pbtxt") << setting.config;
  }
}

SettingRepository::~SettingRepository() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace muster::bench
