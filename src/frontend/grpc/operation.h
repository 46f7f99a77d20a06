// SPDX-License-Identifier: Apache-2.0
// Operation: what stands in gRPC's completion queue for something that was begun, and what its
// owner does when it is over.
#pragma once

namespace muster {

// Lives in its owner, which stays until `over` was called. `ok`: gRPC's word for "it happened".
struct Operation {
  void (*over)(void* owner, bool ok);
  void* owner;
};

template <auto Member, typename Owner>
[[nodiscard]] Operation operation_of(Owner* owner) noexcept {
  return {[](void* self, bool ok) { (static_cast<Owner*>(self)->*Member)(ok); }, owner};
}

}  // namespace muster
