// SPDX-License-Identifier: Apache-2.0
// Any bytes as the files that the server is given: its configuration, and its tokens. Values that
// the file has go through their settings' checks.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "app/serve/config_file.h"
#include "app/serve/setting_table.h"
#include "base/check.h"
#include "frontend/access_policy.h"

namespace {

void check_line(const muster::Status& status) {
  MUSTER_CHECK(status.ok() || status.message().find('\n') == std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto entries = muster::parse_config_file(text, "file");
  check_line(entries.status());
  if (entries.ok()) {
    muster::ServeSettings settings;
    for (const muster::FileEntry& entry : *entries) {
      const muster::SettingRow* row = muster::find_setting(entry.key);
      if (row != nullptr && !entry.values.empty()) check_line(row->set(settings, entry.values));
      (void)muster::nearest_setting(entry.key);
    }
  }
  const auto policy = muster::AccessPolicy::parse(text, "file");
  check_line(policy.status());
  if (policy.ok()) {
    MUSTER_CHECK(!policy->check(muster::Right::kInfer, {"", true}).ok());
    check_line(policy->check(muster::Right::kAdmin, {text, true}));
  }
  return 0;
}
