// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_report.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

template <typename T>
T sent(const T& report) {
  const auto received = report_of(message_of(report));
  EXPECT_TRUE(received && std::holds_alternative<T>(*received));
  return std::get<T>(*received);
}

TEST(BenchReport, arrives_as_it_was_sent) {
  const BenchOpened opened = sent(BenchOpened{"ONNX Runtime 1.2", 128});
  EXPECT_EQ(opened.runtime, "ONNX Runtime 1.2");
  EXPECT_EQ(opened.largest_batch_size, 128);

  const BenchRow row{{1, 2, 3, 4}, "openvino", 8, 5, 6, 7, 9, 10};
  const BenchMeasured measured = sent(BenchMeasured{row, 0.5});
  // Every figure is in one of them.
  EXPECT_EQ(bench_line(BenchFormat::kTable, measured.row), bench_line(BenchFormat::kTable, row));
  EXPECT_EQ(measured.own_share, 0.5);

  const BenchMiss miss = sent(BenchMiss{"openvino", 16, "too large"});
  EXPECT_EQ(describe_miss(miss), "openvino, batch size 16: too large");
}

TEST(BenchReport, is_read_whole_or_not_at_all) {
  const std::string message = message_of(BenchMiss{"openvino", 16, "too large"});
  for (std::size_t size = 0; size < message.size(); ++size)
    EXPECT_FALSE(report_of(message.substr(0, size))) << size;
  EXPECT_FALSE(report_of(message + "x"));
  EXPECT_FALSE(report_of("something else"));
}

}  // namespace
}  // namespace muster
