// SPDX-License-Identifier: Apache-2.0
#include "app/bench/load_plot.h"

#include <string_view>

#include <gtest/gtest.h>

#include "app/bench/testing/page_words.h"

namespace muster {
namespace {

LoadRow row(const std::string& load, std::int64_t batch_size, double ms) {
  LoadRow made{{ms, ms, ms, 2 * ms}, "http", load};
  made.batch_size = batch_size;
  made.items_per_second = 1000 / ms;
  return made;
}

LoadRow closed(int concurrency, std::int64_t batch_size = 1) {
  LoadRow one = row("closed", batch_size, concurrency);
  one.concurrency = concurrency;
  return one;
}

LoadRow open(double rate, const std::string& load = "open") {
  LoadRow one = row(load, 1, 3);
  one.rate = rate;
  return one;
}

TEST(LoadPage, draws_closed_loops_over_their_concurrency) {
  LoadResults results;
  for (const int concurrency : {1, 16, 64}) {
    results.rows.push_back(closed(concurrency));
    results.rows.push_back(closed(concurrency, 8));
  }
  const std::string page = load_page(results);
  EXPECT_EQ(times(page, "<svg "), 2U);
  EXPECT_EQ(times(page, "<polyline "), 2U * 2 + 2);  // p50 and p99, and throughput
  EXPECT_EQ(times(page, "<circle "), 3U * 6);
  EXPECT_EQ(times(page, ">requests in flight</text>"), 2U);
  EXPECT_EQ(times(page, "closed, batch size 8 p99, requests in flight 64: 128 ms"), 1U);
}

TEST(LoadPage, draws_open_loops_over_their_rate) {
  LoadResults results;
  results.rows = {open(0.5), open(1000), open(250, "bursts"), open(100, "Server")};
  const std::string page = load_page(results);
  EXPECT_EQ(times(page, "<svg "), 2U);
  EXPECT_EQ(times(page, "<circle "), 3U * 4);
  EXPECT_EQ(times(page, ">requests a second</text>"), 2U);
  EXPECT_EQ(times(page, "text-anchor=\"middle\">0.5</text>"), 2U);
}

TEST(LoadPage, draws_both_apart) {
  LoadResults results;
  results.rows = {closed(1), open(1000)};
  EXPECT_EQ(times(load_page(results), "<svg "), 4U);
}

TEST(LoadPage, lists_scenarios_that_are_over_nothing) {
  LoadResults results;
  results.rows = {row("Offline", 1, 2), row("SingleStream", 1, 2)};
  results.rows[1].concurrency = 1;
  const std::string page = load_page(results);
  EXPECT_EQ(times(page, "<svg "), 0U);
  EXPECT_EQ(times(page, "<td>Offline</td>"), 1U);
  EXPECT_EQ(times(page, "<td>SingleStream</td>"), 1U);
}

TEST(LoadPage, has_what_is_known_and_shows_it_as_text) {
  LoadResults results;
  results.model = "<script>";
  results.rows = {closed(1)};
  results.rows[0].rss_mib = 96;
  results.rows[0].limits = {"the client <i>was</i> it"};
  results.misses = {"open, rate 5: nothing & nobody"};
  const std::string page = load_page(results);
  EXPECT_EQ(times(page, "<script"), 0U);
  EXPECT_EQ(times(page, "<td></td><td>96.0</td>"), 1U);
  EXPECT_EQ(times(page, "the client &lt;i&gt;was&lt;/i&gt; it"), 1U);
  EXPECT_EQ(times(page, "<li>open, rate 5: nothing &amp; nobody</li>"), 1U);
  for (const char* word : {"http:", "https:", "src=", "href=", "@import", "url("})
    EXPECT_EQ(times(page, word), 0U) << word;
}

}  // namespace
}  // namespace muster
