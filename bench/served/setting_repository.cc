// SPDX-License-Identifier: Apache-2.0
#include "bench/served/setting_repository.h"

#include <filesystem>
#include <fstream>

#include "bench/load.h"

namespace muster::bench {

SettingRepository::SettingRepository(const std::string& model, const std::vector<Setting>& settings)
    : folder_(expect(TemporaryFolder::make("muster-bench"))) {
  for (const Setting& setting : settings) {
    const std::filesystem::path folder = folder_.path() / setting.name;
    std::filesystem::create_directory(folder);
    std::filesystem::copy(std::filesystem::path(model) / "1", folder / "1",
                          std::filesystem::copy_options::recursive);
    if (!setting.config.empty()) std::ofstream(folder / "config.pbtxt") << setting.config;
  }
}

}  // namespace muster::bench
