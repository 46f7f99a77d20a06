// SPDX-License-Identifier: Apache-2.0
#include "serving/backend_library.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster {
namespace {

Status refusal(std::string_view name) {
  return open_backend(name).status();
}

TEST(BackendLibrary, is_looked_for_beside_what_it_is_part_of) {
  const std::filesystem::path folder = backend_folder();
  EXPECT_TRUE(folder.is_absolute());
  EXPECT_EQ(folder.filename(), "muster");
}

TEST(BackendLibrary, is_listed_by_its_name) {
  const std::vector<std::string> names = installed_backends();
  EXPECT_TRUE(std::ranges::is_sorted(names));
  for (const char* name :
       {"test_foreign", "test_idle", "test_short", "test_stale", "test_torn", "test_whole"}) {
    EXPECT_EQ(std::ranges::count(names, name), 1) << name;
  }
}

TEST(BackendLibrary, opens) {
  const auto backend = open_backend("test_whole");
  ASSERT_TRUE(backend.ok()) << backend.status().to_string();
  EXPECT_EQ((*backend)->name(), "test_whole");
  EXPECT_EQ((*backend)->version(), "Whole 1");
}

TEST(BackendLibrary, is_told_the_thread_budget) {
  const auto backend = open_backend("test_whole", {7});
  ASSERT_TRUE(backend.ok()) << backend.status().to_string();
  EXPECT_EQ((*backend)->devices(), std::vector<std::string>{"7 threads"});
}

TEST(BackendLibrary, lies_where_it_is_said_to_lie) {
  EXPECT_TRUE(std::filesystem::exists(backend_file("test_whole")));
  EXPECT_FALSE(std::filesystem::exists(backend_file("no_such_runtime")));
}

TEST(BackendLibrary, makes_a_backend_of_its_own_for_each_who_asks) {
  const auto first = open_backend("test_whole");
  const auto second = open_backend("test_whole");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(*first, *second);
}

TEST(BackendLibrary, is_refused_where_its_runtime_does_not_start) {
  EXPECT_EQ(refusal("test_idle").to_string(),
            "FAILED_PRECONDITION: the runtime of backend 'test_idle' did not start");
}

TEST(BackendLibrary, is_refused_where_its_runtime_throws) {
  EXPECT_EQ(refusal("test_short").to_string(),
            "INTERNAL: backend 'test_short': Resource temporarily unavailable");
}

TEST(BackendLibrary, is_refused_where_it_is_of_an_older_version) {
  EXPECT_EQ(refusal("test_stale").to_string(),
            "FAILED_PRECONDITION: backend 'test_stale' was built for version 1 of the backend "
            "interface, this is 7: install the one that came with this Muster");
}

TEST(BackendLibrary, is_refused_where_it_makes_no_backend) {
  EXPECT_EQ(refusal("test_foreign").to_string(),
            "FAILED_PRECONDITION: backend 'test_foreign' is not for version 7 of the backend "
            "interface: it has no muster_create_backend_v7");
}

TEST(BackendLibrary, is_opened_by_the_symbol_of_this_version) {
  EXPECT_EQ(kBackendFactorySymbol,
            kBackendFactoryPrefix + std::to_string(kBackendInterfaceVersion));
}

TEST(BackendLibrary, is_refused_where_it_is_no_library) {
  const Status status = refusal("test_torn");
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(status.message().starts_with("backend 'test_torn' does not load: "))
      << status.message();
  EXPECT_EQ(status.message().find('\n'), std::string_view::npos);
}

TEST(BackendLibrary, says_what_is_installed_where_it_is_missing) {
  const Status status = refusal("no_such_runtime");
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(
      status.message().starts_with("backend 'no_such_runtime' is not part of this "
                                   "installation (installed: "))
      << status.message();
  EXPECT_NE(status.message().find("test_whole"), std::string_view::npos);
  EXPECT_TRUE(status.message().ends_with("): check the model's `backend`")) << status.message();
}

TEST(BackendLibrary, says_what_to_do_about_a_backend_that_was_not_built) {
  EXPECT_NE(refusal("onnxruntime").message().find("where ONNX Runtime is"), std::string_view::npos);
  EXPECT_NE(refusal("tensorrt").message().find("TENSORRT_ROOT"), std::string_view::npos);
}

// Its file stands for one whose runtime the loader does not find.
TEST(BackendLibrary, says_what_to_install_where_its_runtime_is_missing) {
  const Status status = refusal("openvino");
  EXPECT_TRUE(status.message().starts_with("backend 'openvino' does not load: "))
      << status.message();
  EXPECT_NE(status.message().find("pip install 'muster[openvino]'"), std::string_view::npos)
      << status.message();
}

TEST(BackendLibrary, has_no_name_that_leaves_the_folder) {
  for (const std::string& name :
       {std::string(), std::string("../x"), std::string("/lib/x"), std::string("a/b"),
        std::string("."), std::string(".."), std::string("x.so"), std::string("X"),
        std::string("test-whole"), std::string("test_whole\0", 11), std::string("test whole"),
        std::string("größe"), std::string(65, 'a')}) {
    EXPECT_EQ(refusal(name).code(), StatusCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(refusal("../x").message(), "'../x' is no backend's name");
  EXPECT_EQ(refusal("x\n").message(), "'x\\x0a' is no backend's name");
  EXPECT_LT(refusal(std::string(1 << 20, 'A')).message().size(), 300U);
}

TEST(BackendLibrary, may_have_a_name_of_64_letters) {
  EXPECT_EQ(refusal(std::string(64, 'a')).code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace muster
