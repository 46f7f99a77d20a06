// SPDX-License-Identifier: Apache-2.0
// Where LoadGen was not there to build with.
#include "load_generation/scenario.h"

namespace muster {

Status check_loadgen() {
  return unimplemented(
      "this build has no LoadGen, which MLPerf's scenarios need: 'tools/setup build' fetches its "
      "package mlcommons-loadgen, then build again");
}

Result<ScenarioMeasurement> run_scenario(ServerTarget&, const ScenarioLoad&, Clock&,
                                         const LoadMeters&) {
  return check_loadgen();
}

}  // namespace muster
