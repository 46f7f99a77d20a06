// SPDX-License-Identifier: Apache-2.0
// Profiles: the ranges of shapes that an engine is built for, as text, and which one suits a batch.
// Pure.
//
//   1:8:64                                         batches of 1 to 64 rows, tuned for 8
//   1:8:16;17:64:128                               two profiles
//   ids=1x8:8x128:64x512,mask=1x8:8x128:64x512     inputs by name, where more than the batch is
//   open
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <muster/backend.h>

#include "backends/tensorrt/engine/engine.h"

namespace muster::tensorrt {

inline constexpr std::size_t kMaxProfiles = 16;

struct ShapeRange {
  std::string input;  // "" = the batch axis of every input
  Shape min;
  Shape best;
  Shape max;
};
// One profile as it was asked for.
struct ProfileText {
  std::vector<ShapeRange> ranges;
};

[[nodiscard]] Result<std::vector<ProfileText>> parse_profiles(std::string_view text);
// The other way round, always in the same words: what goes into the engine's key.
[[nodiscard]] std::string profiles_text(std::span<const ProfileText> profiles);
// min 1, best the largest preferred size or the largest batch, max the largest batch.
[[nodiscard]] std::vector<ProfileText> profiles_of(const BatchingOptions& batching);
// Ranges for every input of the signature; an error names the input and the dimension left open.
[[nodiscard]] Result<std::vector<ProfileRange>> resolve_profiles(
    std::span<const ProfileText> profiles, std::span<const TensorSpec> inputs);

// The profile whose range holds these shapes; of several the one whose best shape has the fewest
// elements that are not less than the batch's, else the one with the nearest. kInvalidArgument
// names the input, its shape and the range that is allowed.
[[nodiscard]] Result<int> choose_profile(std::span<const ProfileRange> profiles,
                                         std::span<const EnginePort> ports,
                                         std::span<const Shape> shapes);
// Whether some profile allows that shape of that input; the same words where none does.
[[nodiscard]] Status check_shape(std::span<const ProfileRange> profiles,
                                 std::span<const EnginePort> ports, std::size_t input,
                                 const Shape& shape);
// The rows that some profile allows, where the first axis of every input counts rows.
[[nodiscard]] BatchRange batch_range_of(std::span<const ProfileRange> profiles,
                                        std::span<const EnginePort> ports);

// Every size to 8, then in steps of a quarter of the power of two below (10 12 14 16 20 24 28 32 40
// ...) to `max`, which is one of them, from `min` on: filling up adds less than a quarter. A `max`
// of 0 gives an empty one.
[[nodiscard]] std::vector<std::int64_t> ladder_of(BatchRange range);
// The smallest of `ladder` that is at least `rows`; `rows` where there is none.
[[nodiscard]] std::int64_t filled_up(std::span<const std::int64_t> ladder, std::int64_t rows);

}  // namespace muster::tensorrt
