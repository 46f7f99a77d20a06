// SPDX-License-Identifier: Apache-2.0
// FrontServices: what the front ends are handed. References only: all of it outlives them.
//
// The front ends are sockets and transport threads: they listen, read up to their limits, decode,
// call what is here, encode and write. No model is known to them, and no other front end.
#pragma once

#include <functional>
#include <string>

#include <muster/inference.h>

#include "base/clock.h"
#include "frontend/access_log.h"
#include "frontend/access_policy.h"
#include "frontend/frontend_limits.h"
#include "frontend/frontend_metrics.h"
#include "frontend/server_settings.h"
#include "inference/model_control.h"
#include "inference/picture_service.h"
#include "protocol/control_json.h"
#include "shared_memory/shared_memory_regions.h"

namespace muster {

struct FrontServices {
  InferenceService& inference;
  ModelControl& models;
  PictureService& pictures;
  SharedMemoryRegions& regions;
  ServerSettings& settings;
  const AccessPolicy& access;
  AccessLog& access_log;
  FrontendMetrics& metrics;
  std::function<std::string()> exposition;  // the metrics page; any thread
  const ServerIdentity& identity;
  const FrontendLimits& limits;
  Clock& clock;
};

// Files of TLS; empty = plain. `client_ca`: clients must show a certificate that it signed.
struct TlsFiles {
  std::string certificate = {};  // PEM, with its chain
  std::string key = {};          // PEM
  std::string client_ca = {};    // PEM
  [[nodiscard]] bool enabled() const noexcept { return !certificate.empty(); }
};

}  // namespace muster
