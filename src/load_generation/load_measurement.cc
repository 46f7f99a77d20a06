// SPDX-License-Identifier: Apache-2.0
#include "load_generation/load_measurement.h"

#include <algorithm>

#include "client/model_replies.h"

namespace muster {
namespace {

double seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string describe(const Answer& answer) {
  const std::string words = error_words(answer.body);
  if (answer.code == 0) return words;
  return "status " + std::to_string(answer.code) + (words.empty() ? "" : ": ") + words;
}

}  // namespace

void LoadMeasurement::record(const Answer& answer, Clock::Duration took) {
  switch (answer.outcome) {
    case Outcome::kAnswered:
      latency.record(took);
      return;
    case Outcome::kRefused:
      ++refused;
      break;
    case Outcome::kFailed:
      ++failed;
      break;
  }
  if (first_failure.empty()) first_failure = describe(answer);
}

double LoadMeasurement::items_per_second() const noexcept {
  const double items = static_cast<double>(rows) * static_cast<double>(answered());
  return elapsed.count() > 0 ? items / seconds(elapsed) : 0;
}

double LoadMeasurement::us_per_item(Clock::Duration spent) const noexcept {
  const double items = static_cast<double>(rows) * static_cast<double>(requests());
  return items > 0 ? seconds(spent) * 1e6 / items : 0;
}

double LoadMeasurement::client_cpu_us_per_item() const noexcept {
  return us_per_item(client_cpu);
}

double LoadMeasurement::server_cpu_us_per_item() const noexcept {
  return us_per_item(server_cpu);
}

double LoadMeasurement::client_cpu_share() const noexcept {
  return elapsed.count() > 0 ? seconds(client_cpu) / seconds(elapsed) : 0;
}

LoadUsage::LoadUsage(const LoadMeters& meters) : meters_(meters), start_(read()) {}

LoadUsage::Reading LoadUsage::read() const {
  Reading now{meters_.client.cpu_time(), meters_.client.processor_wait()};
  if (meters_.server != nullptr) {
    now.server_cpu = meters_.server->cpu_time();
    now.server_switches = meters_.server->context_switches();
  }
  return now;
}

void LoadUsage::put_into(LoadMeasurement& measured) const {
  const Reading end = read();
  measured.client_cpu = end.client_cpu - start_.client_cpu;
  measured.client_wait = end.client_wait - start_.client_wait;
  // A server that has ended has no time any more.
  measured.server_cpu = std::max(end.server_cpu - start_.server_cpu, std::chrono::nanoseconds(0));
  measured.server_switches =
      end.server_switches - std::min(start_.server_switches, end.server_switches);
  if (meters_.server != nullptr) measured.server_resident_bytes = meters_.server->resident_bytes();
}

}  // namespace muster
