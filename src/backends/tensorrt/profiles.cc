// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/profiles.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/decimal.h"
#include "base/text.h"

namespace muster::tensorrt {
namespace {

constexpr std::int64_t kMaxDim = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kMaxRank = 8;  // TensorRT's own

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Status bad_range(std::string_view text, const std::string& why) {
  return invalid_argument("the profile range '" + printable(text) + "' " + why);
}

std::optional<Shape> parse_dims(std::string_view text) {
  std::vector<std::int64_t> dims;
  for (const std::string_view part : split(text, 'x')) {
    const std::optional<std::int64_t> dim = parse_int(part);
    if (!dim || *dim < 1 || *dim > kMaxDim || dims.size() == kMaxRank) return std::nullopt;
    dims.push_back(*dim);
  }
  return Shape(dims);
}

bool holds(const Shape& min, const Shape& max, const Shape& shape) {
  if (min.rank() != shape.rank() || max.rank() != shape.rank()) return false;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] < min[axis] || shape[axis] > max[axis]) return false;
  }
  return true;
}

Result<ShapeRange> parse_range(std::string_view text) {
  ShapeRange range;
  std::string_view shapes = text;
  if (const std::size_t equals = text.rfind('='); equals != std::string_view::npos) {
    range.input = text.substr(0, equals);
    shapes = text.substr(equals + 1);
    if (range.input.empty()) return bad_range(text, "names no input before '='");
  }
  const std::vector<std::string_view> parts = split(shapes, ':');
  if (parts.size() != 3) return bad_range(text, "is not MIN:BEST:MAX");
  Shape* const into[] = {&range.min, &range.best, &range.max};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::optional<Shape> dims = parse_dims(parts[i]);
    if (!dims) {
      return bad_range(text, "has '" + printable(parts[i]) +
                                 "', where sizes of at least 1 with 'x' between them are expected");
    }
    *into[i] = *std::move(dims);
  }
  if (range.input.empty() && range.best.rank() != 1) {
    return bad_range(text, "names no input, so that each of its three is one batch size");
  }
  if (range.min.rank() != range.max.rank() || !holds(range.min, range.max, range.best)) {
    return bad_range(text, "does not ascend from its smallest to its best and its largest shape");
  }
  return range;
}

Result<ProfileText> parse_profile(std::string_view text) {
  ProfileText profile;
  for (const std::string_view part : split(text, ',')) {
    MUSTER_ASSIGN_OR_RETURN(ShapeRange range, parse_range(part));
    if (std::ranges::find(profile.ranges, range.input, &ShapeRange::input) !=
        profile.ranges.end()) {
      return bad_range(part, "is the second of that input in one profile");
    }
    profile.ranges.push_back(std::move(range));
  }
  return profile;
}

void append_dims(std::string& text, const Shape& shape) {
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (axis > 0) text += 'x';
    append_decimal(text, shape[axis]);
  }
}

const ShapeRange* find_range(const ProfileText& profile, std::string_view input) {
  const auto found = std::ranges::find(profile.ranges, input, &ShapeRange::input);
  return found == profile.ranges.end() ? nullptr : &*found;
}

std::string quoted(const TensorSpec& input) {
  return "input '" + printable(input.name) + "'";
}

// The named range of an input, which must keep to what the model fixes.
Status check_named(const TensorSpec& input, const ShapeRange& range) {
  const bool ranks_agree = range.min.rank() == input.shape.rank();
  for (std::size_t axis = 0; axis < input.shape.rank(); ++axis) {
    const std::int64_t dim = input.shape[axis];
    if (ranks_agree && (dim == kDynamicDim || (range.min[axis] == dim && range.max[axis] == dim))) {
      continue;
    }
    return invalid_argument("the profile's range " + range.min.to_string() + " to " +
                            range.max.to_string() + " does not suit " + quoted(input) +
                            ", which is " + input.shape.to_string());
  }
  if (ranks_agree) return {};
  return invalid_argument(quoted(input) + " is a scalar and takes no range");
}

Status resolve_input(const ProfileText& profile, const TensorSpec& input, ProfileRange& into) {
  if (const ShapeRange* named = find_range(profile, input.name); named != nullptr) {
    MUSTER_RETURN_IF_ERROR(check_named(input, *named));
    into.min.push_back(named->min);
    into.best.push_back(named->best);
    into.max.push_back(named->max);
    return {};
  }
  Shape min = input.shape;
  Shape best = input.shape;
  Shape max = input.shape;
  const ShapeRange* batch = find_range(profile, "");
  if (batch != nullptr && min.rank() > 0 && min[0] == kDynamicDim) {
    min.set(0, batch->min[0]);
    best.set(0, batch->best[0]);
    max.set(0, batch->max[0]);
  }
  for (std::size_t axis = 0; axis < max.rank(); ++axis) {
    if (max[axis] >= 0) continue;
    return invalid_argument(quoted(input) + " is " + input.shape.to_string() +
                            " and no profile says how large its dimension " + std::to_string(axis) +
                            " gets; give its shapes as '" + printable(input.name) +
                            "=1x8:8x128:64x512'");
  }
  into.min.push_back(std::move(min));
  into.best.push_back(std::move(best));
  into.max.push_back(std::move(max));
  return {};
}

Status check_names(const ProfileText& profile, std::span<const TensorSpec> inputs) {
  for (const ShapeRange& range : profile.ranges) {
    if (range.input.empty()) continue;
    if (std::ranges::find(inputs, range.input, &TensorSpec::name) == inputs.end()) {
      return invalid_argument("a profile has a range of '" + printable(range.input) +
                              "', and the model has no such input");
    }
  }
  return {};
}

bool holds_all(const ProfileRange& profile, std::span<const Shape> shapes) {
  if (profile.min.size() != shapes.size() || profile.max.size() != shapes.size()) return false;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (!holds(profile.min[i], profile.max[i], shapes[i])) return false;
  }
  return true;
}

// Elements of all inputs together; only compared, so a double does.
double elements(std::span<const Shape> shapes) {
  double sum = 0;
  for (const Shape& shape : shapes) {
    double product = 1;
    for (const std::int64_t dim : shape.dims())
      product *= static_cast<double>(dim);
    sum += product;
  }
  return sum;
}

// Whether a profile tuned for `a` elements suits `batch` better than one tuned for `b`.
bool suits_better(double a, double b, double batch) {
  if ((a >= batch) != (b >= batch)) return a >= batch;
  return a >= batch ? a < b : a > b;
}

std::string ranges_text(std::span<const ProfileRange> profiles, std::size_t input) {
  std::string text;
  for (const ProfileRange& profile : profiles) {
    if (input >= profile.min.size() || input >= profile.max.size()) continue;
    if (!text.empty()) text += " or ";
    text += profile.min[input].to_string() + " to " + profile.max[input].to_string();
  }
  return text;
}

// What is wrong with shapes that no profile holds.
Status out_of_profiles(std::span<const ProfileRange> profiles, std::span<const EnginePort> ports,
                       std::span<const Shape> shapes) {
  for (std::size_t i = 0; i < shapes.size() && i < ports.size(); ++i) {
    MUSTER_RETURN_IF_ERROR(check_shape(profiles, ports, i, shapes[i]));
  }
  std::string text;
  for (std::size_t i = 0; i < shapes.size() && i < ports.size(); ++i) {
    if (i > 0) text += ", ";
    text += quoted(ports[i].spec) + " " + shapes[i].to_string();
  }
  return invalid_argument("no profile of the engine takes these shapes together: " + text);
}

bool counts_rows(const EnginePort& port) {
  return port.spec.shape.rank() > 0 && port.spec.shape[0] == kDynamicDim;
}

}  // namespace

Result<std::vector<ProfileText>> parse_profiles(std::string_view text) {
  std::vector<ProfileText> profiles;
  for (const std::string_view part : split(text, ';')) {
    if (profiles.size() == kMaxProfiles) {
      return invalid_argument("there are more than " + std::to_string(kMaxProfiles) + " profiles");
    }
    MUSTER_ASSIGN_OR_RETURN(ProfileText profile, parse_profile(part));
    profiles.push_back(std::move(profile));
  }
  return profiles;
}

std::string profiles_text(std::span<const ProfileText> profiles) {
  std::string text;
  for (const ProfileText& profile : profiles) {
    if (&profile != &profiles.front()) text += ';';
    for (const ShapeRange& range : profile.ranges) {
      if (&range != &profile.ranges.front()) text += ',';
      if (!range.input.empty()) text += range.input + '=';
      append_dims(text, range.min);
      text += ':';
      append_dims(text, range.best);
      text += ':';
      append_dims(text, range.max);
    }
  }
  return text;
}

std::vector<ProfileText> profiles_of(const BatchingOptions& batching) {
  if (batching.max_batch_size < 1) return {};
  std::int64_t best = batching.max_batch_size;
  if (!batching.preferred_batch_sizes.empty()) {
    best = std::clamp(batching.preferred_batch_sizes.back(), std::int64_t{1}, best);
  }
  return {{.ranges = {{"", {1}, {best}, {batching.max_batch_size}}}}};
}

Result<std::vector<ProfileRange>> resolve_profiles(std::span<const ProfileText> profiles,
                                                   std::span<const TensorSpec> inputs) {
  const ProfileText none;
  if (profiles.empty()) profiles = {&none, 1};  // a model of fixed shapes needs none
  if (profiles.size() > kMaxProfiles) {
    return invalid_argument("there are more than " + std::to_string(kMaxProfiles) + " profiles");
  }
  std::vector<ProfileRange> resolved;
  for (const ProfileText& profile : profiles) {
    MUSTER_RETURN_IF_ERROR(check_names(profile, inputs));
    ProfileRange& range = resolved.emplace_back();
    for (const TensorSpec& input : inputs)
      MUSTER_RETURN_IF_ERROR(resolve_input(profile, input, range));
  }
  return resolved;
}

Status check_shape(std::span<const ProfileRange> profiles, std::span<const EnginePort> ports,
                   std::size_t input, const Shape& shape) {
  for (const ProfileRange& profile : profiles) {
    if (input < profile.min.size() && input < profile.max.size() &&
        holds(profile.min[input], profile.max[input], shape)) {
      return {};
    }
  }
  return invalid_argument(quoted(ports[input].spec) + " is " + shape.to_string() +
                          "; the engine takes " + ranges_text(profiles, input));
}

Result<int> choose_profile(std::span<const ProfileRange> profiles,
                           std::span<const EnginePort> ports, std::span<const Shape> shapes) {
  const double batch = elements(shapes);
  int chosen = -1;
  double chosen_best = 0;
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    if (!holds_all(profiles[i], shapes)) continue;
    const double best = elements(profiles[i].best);
    if (chosen >= 0 && !suits_better(best, chosen_best, batch)) continue;
    chosen = static_cast<int>(i);
    chosen_best = best;
  }
  if (chosen < 0) return out_of_profiles(profiles, ports, shapes);
  return chosen;
}

BatchRange batch_range_of(std::span<const ProfileRange> profiles,
                          std::span<const EnginePort> ports) {
  bool any_input = false;
  for (const EnginePort& port : ports) {
    if (!port.is_input) continue;
    any_input = true;
    if (!counts_rows(port)) return {};
  }
  if (!any_input) return {};
  BatchRange range{0, 0};
  for (const ProfileRange& profile : profiles) {
    std::int64_t min = 1;
    std::int64_t max = std::numeric_limits<std::int64_t>::max();
    for (const Shape& shape : profile.min)
      min = std::max(min, shape[0]);
    for (const Shape& shape : profile.max)
      max = std::min(max, shape[0]);
    if (profile.min.empty() || profile.max.empty() || min > max) continue;
    range.min = range.min == 0 ? min : std::min(range.min, min);
    range.max = std::max(range.max, max);
  }
  return range.min == 0 ? BatchRange{} : range;
}

std::vector<std::int64_t> ladder_of(BatchRange range) {
  std::vector<std::int64_t> ladder;
  std::int64_t step = 1;
  for (std::int64_t size = 1; size < range.max;) {
    if (size >= range.min) ladder.push_back(size);
    // Eight sizes one by one, and then four to each power of two.
    if (size >= 8 && size / step == 8) step *= 2;
    if (size > range.max - step) break;
    size += step;
  }
  if (range.max > 0 && range.max >= range.min) ladder.push_back(range.max);
  return ladder;
}

std::int64_t filled_up(std::span<const std::int64_t> ladder, std::int64_t rows) {
  const auto found = std::ranges::lower_bound(ladder, rows);
  return found == ladder.end() ? rows : *found;
}

}  // namespace muster::tensorrt
