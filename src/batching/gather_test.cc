// SPDX-License-Identifier: Apache-2.0
#include "batching/gather.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "batching/testing/requests.h"

namespace muster {
namespace {

using testing::Numbers;
using testing::NumberSource;
using testing::request_from;
using testing::request_of;
using testing::tensor_of;

// Keeps what was prepared, and refuses the input that it is told to.
class GatheringSession final : public Session {
 public:
  struct Input {
    Shape shape;
    std::vector<std::byte> bytes;

    [[nodiscard]] Numbers numbers() const {
      Numbers numbers(bytes.size() / sizeof(std::int64_t));
      std::memcpy(numbers.data(), bytes.data(), bytes.size());
      return numbers;
    }
  };

  Result<std::span<std::byte>> prepare_input(std::size_t index, const Shape& shape,
                                             std::size_t size) override {
    if (index == refused) return invalid_argument("no such shape");
    inputs.resize(std::max(inputs.size(), index + 1));
    inputs[index] = {shape, std::vector<std::byte>(size)};
    return std::span(inputs[index].bytes);
  }
  Status run() override { return internal_error("not to be run"); }
  Result<TensorView> output(std::size_t) override { return internal_error("not to be read"); }

  std::vector<Input> inputs;
  std::size_t refused = 99;
};

PendingRequest two_inputs(const Numbers& x, const Numbers& pairs) {
  PendingRequest pending;
  pending.rows = static_cast<std::int64_t>(x.size());
  pending.request.add_input("x", tensor_of(x, {pending.rows, 1}));
  pending.request.add_input("pairs", tensor_of(pairs, {pending.rows, 2}));
  return pending;
}

PendingRequest strings(std::span<const std::string_view> elements) {
  PendingRequest pending;
  pending.rows = static_cast<std::int64_t>(elements.size());
  auto tensor = Tensor::of_strings({pending.rows}, elements);
  EXPECT_TRUE(tensor.ok());
  pending.request.add_input("text", *std::move(tensor));
  return pending;
}

TEST(Gather, lays_the_rows_one_after_the_other) {
  GatheringSession session;
  std::vector<UnreadRequest> unread;
  const PendingRequest a = two_inputs({1, 2}, {10, 11, 20, 21});
  const PendingRequest b = two_inputs({3}, {30, 31});
  const PendingRequest* const requests[] = {&a, &b};
  ASSERT_TRUE(gather(requests, 3, true, session, unread).ok());
  ASSERT_EQ(session.inputs.size(), 2U);
  EXPECT_EQ(session.inputs[0].shape, Shape({3, 1}));
  EXPECT_EQ(session.inputs[0].numbers(), Numbers({1, 2, 3}));
  EXPECT_EQ(session.inputs[1].shape, Shape({3, 2}));
  EXPECT_EQ(session.inputs[1].numbers(), Numbers({10, 11, 20, 21, 30, 31}));
}

TEST(Gather, hands_a_request_over_as_it_is_where_the_model_has_no_batch_axis) {
  GatheringSession session;
  std::vector<UnreadRequest> unread;
  PendingRequest request;
  request.request.add_input("x", tensor_of({1, 2, 3, 4}, {4}));
  request.request.add_input("scalar", tensor_of({5}, {}));
  const PendingRequest* const requests[] = {&request};
  ASSERT_TRUE(gather(requests, 1, false, session, unread).ok());
  EXPECT_EQ(session.inputs[0].shape, Shape({4}));
  EXPECT_EQ(session.inputs[0].numbers(), Numbers({1, 2, 3, 4}));
  EXPECT_EQ(session.inputs[1].shape, Shape());
  EXPECT_EQ(session.inputs[1].numbers(), Numbers({5}));
}

TEST(Gather, joins_strings_of_any_length) {
  GatheringSession session;
  std::vector<UnreadRequest> unread;
  const std::string_view first[] = {"a", "", "long enough to differ"};
  const std::string_view second[] = {"z"};
  const PendingRequest a = strings(first);
  const PendingRequest b = strings(second);
  const PendingRequest* const requests[] = {&a, &b};
  ASSERT_TRUE(gather(requests, 4, true, session, unread).ok());
  EXPECT_EQ(session.inputs[0].shape, Shape({4}));
  const auto joined = bytes_elements({DataType::kBytes, {4}, session.inputs[0].bytes});
  ASSERT_TRUE(joined.ok());
  EXPECT_EQ(*joined, std::vector<std::string_view>({"a", "", "long enough to differ", "z"}));
}

TEST(Gather, takes_rows_without_elements) {
  GatheringSession session;
  std::vector<UnreadRequest> unread;
  PendingRequest empty;
  empty.rows = 2;
  empty.request.add_input("x", tensor_of({}, {2, 0}));
  const PendingRequest* const requests[] = {&empty, &empty};
  ASSERT_TRUE(gather(requests, 4, true, session, unread).ok());
  EXPECT_EQ(session.inputs[0].shape, Shape({4, 0}));
  EXPECT_TRUE(session.inputs[0].bytes.empty());
}

// What would be left of another client's rows.
class UsedSession final : public Session {
 public:
  Result<std::span<std::byte>> prepare_input(std::size_t, const Shape&, std::size_t size) override {
    bytes.assign(size, std::byte{0x55});
    return std::span(bytes);
  }
  Status run() override { return internal_error("not to be run"); }
  Result<TensorView> output(std::size_t) override { return internal_error("not to be read"); }

  std::vector<std::byte> bytes;
};

TEST(Gather, reads_what_stands_elsewhere_between_the_others) {
  GatheringSession session;
  std::vector<UnreadRequest> unread;
  const PendingRequest a = request_of({1, 2});
  const PendingRequest b = request_from(std::make_shared<const NumberSource>(Numbers{3, 4, 5}));
  const PendingRequest c = request_of({6});
  const PendingRequest* const requests[] = {&a, &b, &c};
  ASSERT_TRUE(gather(requests, 6, true, session, unread).ok());
  EXPECT_EQ(session.inputs[0].shape, Shape({6, 1}));
  EXPECT_EQ(session.inputs[0].numbers(), Numbers({1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(unread.empty());
}

// Numbers in the memory of GPU 0, which these tests read as the host's.
class DeviceNumbers final : public TensorSource {
 public:
  explicit DeviceNumbers(Numbers numbers, int device = 0)
      : TensorSource(numbers.size() * sizeof(std::int64_t)), numbers_(std::move(numbers)) {
    bytes_ = {device, std::as_writable_bytes(std::span(numbers_)).data(), size()};
  }

  [[nodiscard]] Status read(std::size_t, std::span<std::byte> into) const override {
    std::memcpy(into.data(), numbers_.data(), into.size());
    return {};
  }
  [[nodiscard]] const DeviceBytes* device_bytes() const noexcept override { return &bytes_; }

 private:
  Numbers numbers_;
  DeviceBytes bytes_;
};

// Notes what it is to take from GPU 0, and takes nothing from another.
class DeviceSession final : public Session {
 public:
  Result<std::span<std::byte>> prepare_input(std::size_t, const Shape&, std::size_t size) override {
    bytes.assign(size, std::byte{0});
    return std::span(bytes);
  }
  Status take_from_device(std::size_t index, std::size_t offset,
                          const DeviceBytes& there) override {
    if (there.device != 0) return unimplemented("another GPU");
    taken.push_back({index, offset, there.size});
    return {};
  }
  Status run() override { return internal_error("not to be run"); }
  Result<TensorView> output(std::size_t) override { return internal_error("not to be read"); }

  struct Taken {
    std::size_t index;
    std::size_t offset;
    std::size_t size;
    friend bool operator==(const Taken&, const Taken&) = default;
  };
  std::vector<std::byte> bytes;
  std::vector<Taken> taken;
};

PendingRequest on_device(const Numbers& numbers, int device) {
  PendingRequest pending = request_of(numbers);
  pending.request.inputs.clear();
  pending.request.inputs.push_back({"x",
                                    {DataType::kInt64, {pending.rows, 1}, {}},
                                    std::make_shared<const DeviceNumbers>(numbers, device)});
  return pending;
}

TEST(Gather, leaves_what_is_on_the_session_s_device_to_the_session) {
  DeviceSession session;
  std::vector<UnreadRequest> unread;
  const PendingRequest a = request_of({1});
  const PendingRequest b = on_device({2, 3}, 0);
  const PendingRequest c = on_device({4}, 1);
  const PendingRequest* const requests[] = {&a, &b, &c};
  ASSERT_TRUE(gather(requests, 4, true, session, unread).ok());
  EXPECT_EQ(session.taken, std::vector<DeviceSession::Taken>({{0, 8, 16}}));
  const Numbers expected = {1, 0, 0, 4};  // the last through the host
  EXPECT_TRUE(std::ranges::equal(session.bytes, std::as_bytes(std::span(expected))));
}

TEST(Gather, makes_zeros_of_what_is_gone_and_says_whose_it_was) {
  UsedSession session;
  std::vector<UnreadRequest> unread;
  const auto gone = std::make_shared<NumberSource>(Numbers{3});
  gone->take_away();
  const PendingRequest a = request_of({1});
  const PendingRequest b = request_from(gone);
  const PendingRequest c = request_of({2});
  const PendingRequest* const requests[] = {&a, &b, &c};
  ASSERT_TRUE(gather(requests, 3, true, session, unread).ok());
  const Numbers expected = {1, 0, 2};
  EXPECT_TRUE(std::ranges::equal(session.bytes, std::as_bytes(std::span(expected))));
  ASSERT_EQ(unread.size(), 1U);
  EXPECT_EQ(unread[0].place, 1U);
  EXPECT_EQ(unread[0].status.to_string(), "INVALID_ARGUMENT: input 'x': the numbers are gone");
}

TEST(Gather, tells_once_of_a_request_that_lost_two_inputs) {
  GatheringSession session;
  std::vector<UnreadRequest> unread;
  const auto gone = std::make_shared<NumberSource>(Numbers{3});
  gone->take_away();
  PendingRequest request = request_from(gone);
  request.request.inputs.push_back({"y", {DataType::kInt64, {1, 1}, {}}, gone});
  const PendingRequest* const requests[] = {&request};
  ASSERT_TRUE(gather(requests, 1, true, session, unread).ok());
  ASSERT_EQ(unread.size(), 1U);
  EXPECT_EQ(unread[0].status.message(), "input 'x': the numbers are gone");
}

TEST(Gather, hands_on_the_session_s_refusal) {
  GatheringSession session;
  std::vector<UnreadRequest> unread;
  session.refused = 1;
  const PendingRequest request = two_inputs({1}, {2, 3});
  const PendingRequest* const requests[] = {&request};
  EXPECT_EQ(gather(requests, 1, true, session, unread).to_string(),
            "INVALID_ARGUMENT: no such shape");
}

}  // namespace
}  // namespace muster
