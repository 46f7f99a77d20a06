// SPDX-License-Identifier: Apache-2.0
// What the front ends count, by transport.
#pragma once

#include "metrics/instruments.h"

namespace muster {

struct TransportMetrics {
  Counter connections_accepted;
  Counter connections_closed;   // open now = accepted - closed
  Counter connections_refused;  // over max_connections
  Counter requests;             // calls of every kind
  Counter requests_answered;    // in flight = requests - requests_answered
  Counter client_errors;        // answered 4xx, or the like
  Counter server_errors;        // answered 5xx, or the like
  Counter disconnects;          // the client went before its answer
  Counter received_bytes;       // bodies, as they came
  Counter sent_bytes;           // likewise
  Counter refusal_pauses;       // of transport threads, while a full queue refused requests
};

struct FrontendMetrics {
  TransportMetrics http;
  TransportMetrics grpc;
};

}  // namespace muster
