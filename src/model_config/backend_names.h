// SPDX-License-Identifier: Apache-2.0
// The names that `backend` and `platform` may have, and what they mean.
#pragma once

#include <string>
#include <string_view>

namespace muster {

// The backend of a `platform`, "" where it is none that Muster knows.
[[nodiscard]] std::string_view backend_of_platform(std::string_view platform) noexcept;
// The name that Muster uses for a `backend`: aliases are resolved, others stay.
[[nodiscard]] std::string_view canonical_backend(std::string_view backend) noexcept;
// Whether a backend can have that name, which becomes a part of its library's file name.
[[nodiscard]] bool is_backend_name(std::string_view backend) noexcept;
// "onnxruntime_onnx, tensorrt_plan, ..."
[[nodiscard]] std::string known_platforms();

}  // namespace muster
