// SPDX-License-Identifier: Apache-2.0
// docs/doctor.md has a row for each check, and no other.
#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "app/doctor/checks.h"

namespace muster {
namespace {

TEST(DoctorDocument, lists_every_check) {
  std::set<std::string> checks = {std::string(kCheckOfConfig), std::string(kCheckOfLoad),
                                  std::string(kCheckOfRepository), std::string(kCheckOfSettings)};
  for (const auto table : {file_checks(), config_checks(), meaning_checks()})
    for (const ModelCheck& check : table)
      checks.emplace(check.name);
  for (const SystemCheck& check : system_checks())
    checks.emplace(check.name);

  std::set<std::string> rows;
  std::ifstream page(std::string(MUSTER_SOURCE_DIR) + "/docs/doctor.md");
  // Those of the flags stand in another table.
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| `") && !line.starts_with("| `--"))
      rows.insert(line.substr(3, line.find('`', 3) - 3));
  }
  EXPECT_EQ(rows, checks);
}

}  // namespace
}  // namespace muster
