// SPDX-License-Identifier: Apache-2.0
#include "app/build_engine/build_text.h"

#include <gtest/gtest.h>

#include "app/build_engine/build_arguments.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

BuildArguments sizes(std::int64_t min, std::int64_t opt, std::int64_t max) {
  BuildArguments arguments;
  arguments.min = min;
  arguments.opt = opt;
  arguments.max = max;
  return arguments;
}

std::string profiles_of(const BuildArguments& arguments, std::int64_t usual_max = 64) {
  const Result<Parameters> parameters = parameters_of(arguments, usual_max);
  if (!parameters.ok()) return std::string(parameters.status().message());
  return parameters->contains("profiles") ? parameters->find("profiles")->second : "";
}

TEST(BuildArguments, become_parameters_of_the_backend) {
  BuildArguments arguments;
  EXPECT_TRUE(parameters_of(arguments, 64).value().empty());
  arguments.precision = "fp16";
  arguments.workspace = "1G";
  arguments.level = 0;
  arguments.device = 1;
  arguments.profiles = "1:8:16;17:64:64";
  const Parameters expected = {{"precision", "fp16"},
                               {"workspace", "1G"},
                               {"builder_optimization_level", "0"},
                               {"device", "1"},
                               {"profiles", "1:8:16;17:64:64"}};
  EXPECT_EQ(parameters_of(arguments, 64).value(), expected);
}

TEST(BuildArguments, make_a_profile_of_the_sizes_that_are_given) {
  EXPECT_EQ(profiles_of(sizes(1, 8, 64)), "1:8:64");
  EXPECT_EQ(profiles_of(sizes(0, 0, 128)), "1:128:128");
  EXPECT_EQ(profiles_of(sizes(0, 8, 0)), "1:8:64");
  EXPECT_EQ(profiles_of(sizes(0, 100, 0)), "1:100:100");
  EXPECT_EQ(profiles_of(sizes(4, 0, 0), 32), "4:32:32");
  EXPECT_EQ(profiles_of(sizes(8, 4, 64)),
            "--min 8 --opt 4 --max 64: each must be at least the one before");
  EXPECT_EQ(profiles_of(sizes(1, 64, 32)),
            "--min 1 --opt 64 --max 32: each must be at least the one before");
}

TEST(BuildArguments, tell_the_sizes_to_check) {
  using Sizes = std::vector<std::int64_t>;
  EXPECT_EQ(sizes_to_check("1:8:64"), (Sizes{1, 8, 64}));
  EXPECT_EQ(sizes_to_check("17:64:64;1:8:16"), (Sizes{1, 8, 16, 17, 64}));
  EXPECT_EQ(sizes_to_check("ids=1x8:8x128:64x512"), Sizes{1});
  EXPECT_EQ(sizes_to_check(""), Sizes{1});
  EXPECT_EQ(sizes_to_check(":;:-3"), Sizes{1});
  EXPECT_EQ(plan_beside("models/lenet/1/model.onnx"), "models/lenet/1/model.plan");
}

TEST(BuildText, tells_how_far_it_is) {
  EXPECT_EQ(build_line({"", 0, {}}), "[..........]   0 %");
  EXPECT_EQ(build_line({"Timing\n", 0.5, seconds(90)}),
            "[#####.....]  50 %, about 90 s left  Timing\\x0a");
}

TEST(BuildText, tells_what_was_made) {
  const CompiledFile built{"lenet.plan", 1234, milliseconds(12345), "fp16, profiles 1:8:64"};
  EXPECT_EQ(built_table("lenet", "TensorRT 10.6.0.26", built, ""),
            "model     lenet\nruntime   TensorRT 10.6.0.26\nengine    lenet.plan, 1234 bytes\n"
            "made of   fp16, profiles 1:8:64\ntime      12.3 s\n");
  EXPECT_EQ(built_json("lenet", "TensorRT 10.6.0.26", built, ""),
            R"({"model":"lenet","runtime":"TensorRT 10.6.0.26","engine":"lenet.plan","cache":null,)"
            R"("bytes":1234,"seconds":12.345,"was_in_cache":false,)"
            R"("summary":"fp16, profiles 1:8:64"})"
            "\n");
}

TEST(BuildText, tells_what_was_there_already) {
  const CompiledFile built{"", 1234, milliseconds(0), ""};
  const std::string table = built_table("lenet", "TensorRT 10.6.0.26", built, "/cache");
  EXPECT_NE(table.find("engine    in the cache /cache, 1234 bytes\n"
                       "time      none: it was in the cache already\n"),
            std::string::npos)
      << table;
  const std::string json = built_json("lenet", "TensorRT 10.6.0.26", built, "/cache");
  EXPECT_NE(json.find(R"("engine":null,"cache":"/cache")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("was_in_cache":true,"summary":null})"), std::string::npos) << json;
}

}  // namespace
}  // namespace muster
