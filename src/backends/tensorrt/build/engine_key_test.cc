// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/build/engine_key.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster::tensorrt {
namespace {

EngineIngredients ingredients() {
  EngineIngredients all;
  all.model.fill(std::byte{7});
  all.library = "10.6.0.26";
  all.device.name = "NVIDIA H200";
  all.device.uuid = "GPU-1";
  all.device.compute_major = 9;
  all.device.compute_minor = 0;
  all.device.multiprocessors = 132;
  all.device.memory_bytes = std::uint64_t{141} << 30;
  all.device.driver_version = 13000;
  all.build.profiles = parse_profiles("1:8:64").value();
  all.build.pixels = PixelScaling{1.0 / 255.0, {0.5}, {0.25}};
  return all;
}

using Change = std::function<void(EngineIngredients&)>;

TEST(EngineKey, differs_where_any_ingredient_does) {
  const std::vector<Change> changes = {
      [](EngineIngredients& all) { all.model[31] = std::byte{8}; },
      [](EngineIngredients& all) { all.library = "10.6.0.27"; },
      [](EngineIngredients& all) { all.device.name = "NVIDIA H100"; },
      [](EngineIngredients& all) { all.device.compute_major = 10; },
      [](EngineIngredients& all) { all.device.compute_minor = 1; },
      [](EngineIngredients& all) { all.device.multiprocessors = 114; },
      [](EngineIngredients& all) { all.device.driver_version = 13010; },
      [](EngineIngredients& all) { all.build.precision = Precision::kFp32; },
      [](EngineIngredients& all) { all.build.precision = Precision::kFp16; },
      [](EngineIngredients& all) { all.build.precision = Precision::kBf16; },
      [](EngineIngredients& all) { all.build.precision = Precision::kInt8; },
      [](EngineIngredients& all) { all.build.workspace_bytes /= 2; },
      [](EngineIngredients& all) { all.build.level = 5; },
      [](EngineIngredients& all) { all.build.profiles = parse_profiles("1:16:64").value(); },
      [](EngineIngredients& all) {
        all.build.profiles = parse_profiles("1:8:8;9:64:64").value();
      },
      [](EngineIngredients& all) { all.build.pixels.reset(); },
      [](EngineIngredients& all) { all.build.pixels->scale = 1; },
      [](EngineIngredients& all) { all.build.pixels->mean = {0.5, 0.5, 0.4}; },
      [](EngineIngredients& all) { all.build.pixels->mean = {0.25}; },
      [](EngineIngredients& all) { all.build.pixels->std = {0.5}; },
      // A mean that moves over to the std.
      [](EngineIngredients& all) {
        all.build.pixels->mean = {};
        all.build.pixels->std = {0.5, 0.25};
      },
  };
  std::set<std::string> keys = {as_text(engine_key(ingredients()))};
  for (const Change& change : changes) {
    EngineIngredients changed = ingredients();
    change(changed);
    keys.insert(as_text(engine_key(changed)));
  }
  EXPECT_EQ(keys.size(), changes.size() + 1);
}

TEST(EngineKey, is_the_same_for_what_cannot_change_an_engine) {
  EngineIngredients other = ingredients();
  other.device.uuid = "GPU-2";  // another GPU of the same kind
  other.device.index = 3;
  other.device.memory_bytes = 1;
  other.device.runtime_version = 12080;
  EXPECT_EQ(engine_key(other), engine_key(ingredients()));
}

TEST(EngineKey, stays_what_it_was_between_releases) {
  // Were it another one, everybody's engines would be built anew: raise the version in it then.
  EXPECT_EQ(as_text(engine_key(ingredients())),
            "7784cf81b18c852fac2edb046532866d7c93ed0f84c2b3af8b5ea25a3ba96152");
}

TEST(TimingKey, depends_on_the_machine_alone) {
  const EngineIngredients all = ingredients();
  DeviceFacts other = all.device;
  other.uuid = "GPU-2";
  EXPECT_EQ(timing_key(all.library, all.device), timing_key(all.library, other));
  other.multiprocessors = 114;
  EXPECT_NE(timing_key(all.library, all.device), timing_key(all.library, other));
  EXPECT_NE(timing_key("10.7.0.1", all.device), timing_key(all.library, all.device));
  EXPECT_NE(timing_key(all.library, all.device), engine_key(all));
}

}  // namespace
}  // namespace muster::tensorrt
