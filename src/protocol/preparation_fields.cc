// SPDX-License-Identifier: Apache-2.0
#include "protocol/preparation_fields.h"

#include <cstdio>
#include <limits>

#include "base/text.h"

namespace muster {
namespace {

// Hundredths, rounded down: 1 is said when it is done.
std::string part_text(double done) {
  const int hundredths = static_cast<int>(done * 100);
  if (hundredths >= 100) return "1";
  char text[8];
  std::snprintf(text, sizeof(text), "0.%02d", hundredths < 0 ? 0 : hundredths);
  return text;
}

}  // namespace

PreparationFields preparation_fields(const ModelPreparation& preparation) {
  PreparationFields fields;
  if (preparation.state == PreparationState::kNone) return fields;
  fields.emplace_back("state", preparation_state_name(preparation.state));
  if (!preparation.stand_in.empty()) fields.emplace_back("stand_in", preparation.stand_in);
  if (preparation.state == PreparationState::kBuilding) {
    if (!preparation.phase.empty()) fields.emplace_back("phase", preparation.phase);
    fields.emplace_back("done", part_text(preparation.done));
    if (preparation.left)
      fields.emplace_back("seconds_left", std::to_string(preparation.left->count()));
  }
  if (!preparation.reason.empty()) fields.emplace_back("reason", preparation.reason);
  return fields;
}

bool read_preparation_field(std::string_view name, std::string_view text,
                            ModelPreparation& preparation) {
  if (name == "state") {
    for (std::size_t i = 0; i < kPreparationStateCount; ++i) {
      const auto state = static_cast<PreparationState>(i);
      if (preparation_state_name(state) != text) continue;
      preparation.state = state;
      return true;
    }
    return false;
  }
  if (name == "done") {
    const auto done = parse_double(text);
    if (!done || *done < 0 || *done > 1) return false;
    preparation.done = *done;
    return true;
  }
  if (name == "seconds_left") {
    const auto seconds = parse_int(text);
    if (!seconds || *seconds < 0 || *seconds > std::numeric_limits<std::int32_t>::max())
      return false;
    preparation.left = std::chrono::seconds(*seconds);
    return true;
  }
  std::string* const target = name == "stand_in" ? &preparation.stand_in
                              : name == "phase"  ? &preparation.phase
                              : name == "reason" ? &preparation.reason
                                                 : nullptr;
  if (target == nullptr) return false;
  *target = text;
  return true;
}

}  // namespace muster
