// SPDX-License-Identifier: Apache-2.0
#include "backends/scripted/gpu_memory.h"

#include <array>
#include <cstring>
#include <numeric>
#include <string_view>

#include <gtest/gtest.h>

#include "backends/scripted/scripted_backend.h"

namespace muster::scripted {
namespace {

std::array<std::byte, kHandleBytes> handle_of(std::string_view text) {
  std::array<std::byte, kHandleBytes> handle{};
  std::memcpy(handle.data(), text.data(), text.size());
  return handle;
}

Status open_status(Backend& backend, std::string_view handle, int device, std::size_t size) {
  return backend.open_region(handle_of(handle), device, size).status();
}

TEST(GpuMemory, is_shared_by_all_who_open_the_same_handle) {
  ScriptedBackend backend;
  const auto handle = handle_of("memory a 16");
  auto one = backend.open_region(handle, 0, 16).value();
  {
    const auto other = backend.open_region(handle, 0, 8).value();
    EXPECT_EQ(other->bytes().size, 8U);
    EXPECT_EQ(other->bytes().address, one->bytes().address);
    const std::array<std::byte, 2> bytes = {std::byte{1}, std::byte{2}};
    ASSERT_TRUE(other->write(6, bytes).ok());
    EXPECT_FALSE(other->write(7, bytes).ok());
  }
  std::array<std::byte, 3> got{};
  ASSERT_TRUE(one->read(5, got).ok());
  EXPECT_EQ(got, (std::array<std::byte, 3>{std::byte{0}, std::byte{1}, std::byte{2}}));
  one.reset();
  ASSERT_TRUE(backend.open_region(handle, 0, 16).value()->read(5, got).ok());
  EXPECT_EQ(got, (std::array<std::byte, 3>{})) << "nobody had it open meanwhile";
}

TEST(GpuMemory, is_no_larger_than_its_handle_says) {
  ScriptedBackend backend;
  EXPECT_TRUE(open_status(backend, "memory a 16", 1, 16).ok());
  EXPECT_EQ(open_status(backend, "memory a 16", 0, 17).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(open_status(backend, "memory a 16", 2, 16).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(open_status(backend, "memory a 16", -1, 16).code(), StatusCode::kInvalidArgument);
  for (const char* wrong :
       {"", "memory", "memory 16", "memory a", "memory a 0", "memory a 99999999999", "other a 16"})
    EXPECT_EQ(open_status(backend, wrong, 0, 1).code(), StatusCode::kInvalidArgument) << wrong;
  const auto handle = handle_of("memory a 16");
  EXPECT_EQ(backend.open_region(std::span(handle).first(63), 0, 1).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(GpuMemory, is_what_a_session_reads_where_it_is_told_to) {
  ScriptedBackend backend;
  backend.set_script(parse_script("input A UINT8 [-1]\noutput B UINT8 [-1]").value());
  const ModelConfig config;
  const auto session = backend.load({"", &config}).value()->new_session().value();
  const auto region = backend.open_region(handle_of("memory a 16"), 0, 16).value();
  const std::array<std::byte, 3> bytes = {std::byte{7}, std::byte{8}, std::byte{9}};
  ASSERT_TRUE(region->write(4, bytes).ok());
  const DeviceBytes there{0, region->bytes().address + 4, 3};
  EXPECT_FALSE(session->take_from_device(0, 0, there).ok()) << "nothing was prepared";
  const auto room = session->prepare_input(0, {5}, 5).value();
  std::ranges::fill(room, std::byte{1});
  EXPECT_FALSE(session->take_from_device(0, 3, there).ok());
  EXPECT_EQ(session->take_from_device(0, 1, {1, there.address, 3}).code(),
            StatusCode::kUnimplemented);
  ASSERT_TRUE(session->take_from_device(0, 1, there).ok());
  ASSERT_TRUE(session->run().ok());
  const TensorView output = session->output(0).value();
  EXPECT_EQ(std::vector<std::byte>(output.bytes.begin(), output.bytes.end()),
            (std::vector<std::byte>{std::byte{1}, std::byte{7}, std::byte{8}, std::byte{9},
                                    std::byte{1}}));
}

}  // namespace
}  // namespace muster::scripted
