// SPDX-License-Identifier: Apache-2.0
// SettingRepository: one model under several configurations, each as a model of its own.
#pragma once

#include <string>
#include <vector>

#include "base/temporary_folder.h"

namespace muster::bench {

struct Setting {
  std::string name;    // of the model
  std::string config;  // the text of its config.pbtxt; "" = it has none
};

// A temporary repository, which goes with it. Failures are exceptions.
class SettingRepository {
 public:
  // `model`: the folder whose version 1 all of them serve.
  SettingRepository(const std::string& model, const std::vector<Setting>& settings);

  [[nodiscard]] std::string folder() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace muster::bench
