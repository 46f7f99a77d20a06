// SPDX-License-Identifier: Apache-2.0
// The tensors of a request or a reply: names, types, shapes and sizes. The one place for both
// transports.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <muster/inference.h>

#include "base/text.h"
#include "protocol/infer_call.h"
#include "protocol/infer_parameters.h"

namespace muster {

// An input, or an output of a reply, before its elements: checked by itself, and known to no model.
struct InputHead {
  std::string name;
  DataType type = DataType::kInvalid;
  Shape shape;
  std::size_t elements = 0;
};

// `kind`: "input" or "output"; `index` of them came before it.
[[nodiscard]] Status check_tensor_name(std::string_view kind, std::string_view name,
                                       std::size_t index, const ProtocolLimits& limits);
[[nodiscard]] Status check_id(std::string_view id, const ProtocolLimits& limits);
[[nodiscard]] Result<DataType> read_datatype(std::string_view name);
[[nodiscard]] Status check_rank(std::size_t rank, const ProtocolLimits& limits);
// Type and name are set; takes the shape over.
[[nodiscard]] Status set_shape(InputHead& head, Shape shape);
// "input 'x'", or by its place where its name is not known yet.
[[nodiscard]] std::string tensor_label(std::string_view kind, std::string_view name,
                                       std::size_t index);
// The same failure, naming the input.
[[nodiscard]] Status in_input(std::string_view name, const Status& status);

// The elements as they lie in memory; whoever owns the bytes is kept by the caller.
[[nodiscard]] Status add_view(InputHead&& head, std::span<const std::byte> bytes,
                              InferRequest& request);
// Likewise, as a tensor of its own. Errors do not name it.
[[nodiscard]] Result<Tensor> copied_tensor(const InputHead& head, std::span<const std::byte> bytes);
// Elements in shared memory. Those that need a check are copied, checked and never looked at again;
// all others are read when a batch is put together, as they are by then.
[[nodiscard]] Status add_from_region(InputHead head, const RegionPlace& place,
                                     const DecodeContext& context, InferRequest& request);
// Where an input lies that is still to be read from a region.
[[nodiscard]] std::optional<RegionPlace> place_of(const InferInput& input);

// Nothing where no region is named. Whether the caller may is asked anew for every request.
[[nodiscard]] Result<std::optional<RegionSlice>> region_slice(const RegionPlace& place,
                                                              const DecodeContext& context);

// `name_of(item)` is a view into the item.
template <typename Items, typename NameOf>
[[nodiscard]] Status check_given_once(std::string_view kind, std::string_view what,
                                      const Items& items, NameOf name_of) {
  constexpr std::size_t kFew = 8;
  const auto twice = [&](std::string_view name) {
    return invalid_argument(std::string(kind) + " '" + printable(name) + "' " + std::string(what));
  };
  if (items.size() <= kFew) {
    for (auto item = items.begin(); item != items.end(); ++item) {
      const auto same = [&](const auto& other) { return name_of(other) == name_of(*item); };
      if (std::any_of(items.begin(), item, same)) return twice(name_of(*item));
    }
    return {};
  }
  std::unordered_set<std::string_view> seen;
  for (const auto& item : items) {
    if (!seen.insert(name_of(item)).second) return twice(name_of(item));
  }
  return {};
}

}  // namespace muster
