// SPDX-License-Identifier: Apache-2.0
#include "app/bench/bench_plot.h"

#include <cstdio>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "app/bench/testing/page_words.h"

namespace muster {
namespace {

BenchRow row(const std::string& backend, std::int64_t size, double ms) {
  return {
      {ms, ms, ms, 2 * ms}, backend, size, 1000.0 * static_cast<double>(size) / ms, 10, 50, 100};
}

BenchResults two_backends() {
  BenchResults results;
  results.model = "lenet";
  results.conditions = {"1 s for each batch size"};
  for (const char* backend : {"onnxruntime", "openvino"}) {
    for (const std::int64_t size : {1, 8, 64})
      results.rows.push_back(row(backend, size, 0.03 * static_cast<double>(size)));
  }
  return results;
}

TEST(BenchPage, needs_nothing_from_elsewhere) {
  const std::string page = bench_page(two_backends());
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  for (const char* word : {"<script", "http:", "https:", "src=", "href=", "@import", "url("})
    EXPECT_EQ(times(page, word), 0U) << word;
}

TEST(BenchPage, draws_each_backend_in_both_charts) {
  const std::string page = bench_page(two_backends());
  EXPECT_EQ(times(page, "<svg "), 2U);
  EXPECT_EQ(times(page, "<polyline "), 2U * 2 + 2);  // p50 and p99, and throughput
  EXPECT_EQ(times(page, "<circle "), 3U * 6);
}

TEST(BenchPage, keeps_every_point_within_its_chart) {
  BenchResults results = two_backends();
  results.rows.push_back(row("slow", 65536, 1e7));
  results.rows.push_back({{}, "too quick to be told", 1, 0, 0, 0, 1});
  const std::string page = bench_page(results);
  EXPECT_EQ(times(page, "nan"), 0U);
  EXPECT_EQ(times(page, "inf"), 0U);
  constexpr std::string_view kCircle = "<circle ";
  for (std::size_t at = page.find(kCircle); at != std::string::npos;
       at = page.find(kCircle, at + 1)) {
    double x = 0;
    double y = 0;
    ASSERT_EQ(std::sscanf(page.c_str() + at, "<circle cx=\"%lf\" cy=\"%lf\"", &x, &y), 2);
    EXPECT_TRUE(x >= 80 && x <= 620 && y >= 40 && y <= 330) << page.substr(at, 40);
  }
}

TEST(BenchPage, draws_a_single_batch_size) {
  BenchResults results;
  results.rows = {row("onnxruntime", 1, 0.5)};
  const std::string page = bench_page(results);
  EXPECT_EQ(times(page, "<circle "), 3U);
  EXPECT_EQ(times(page, "nan"), 0U);
}

TEST(BenchPage, lists_what_is_missing_also_where_nothing_was_measured) {
  BenchResults results;
  results.misses = {{"openvino", 8, "needs 1 < 2"}};
  const std::string page = bench_page(results);
  EXPECT_EQ(times(page, "<svg "), 0U);
  EXPECT_EQ(times(page, "openvino, batch size 8: needs 1 &lt; 2"), 1U);
}

TEST(BenchPage, shows_names_from_outside_as_text) {
  BenchResults results = two_backends();
  results.model = "<script>alert(1)</script>";
  results.rows[0].backend = "\"><img src=x>";
  const std::string page = bench_page(results);
  EXPECT_EQ(times(page, "<script"), 0U);
  EXPECT_EQ(times(page, "<img"), 0U);
}

}  // namespace
}  // namespace muster
