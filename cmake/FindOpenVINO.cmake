# Finds OpenVINO: headers and library, in this order: $OPENVINO_ROOT (a prefix, an unpacked archive's `runtime` folder, or
# the `openvino` folder of the Python package), the system, .deps/openvino (which tools/setup fills).
#
# Sets OpenVINO_FOUND, OpenVINO_VERSION, OpenVINO_LIBRARY, OpenVINO_INCLUDE_DIR and OpenVINO_IN_DEPS (it came from .deps),
# and makes the target OpenVINO::OpenVINO.

set(openvino_deps "${CMAKE_CURRENT_LIST_DIR}/../.deps/openvino")
cmake_path(NORMAL_PATH openvino_deps)
set(openvino_own_root "")
if(DEFINED ENV{OPENVINO_ROOT} AND NOT "$ENV{OPENVINO_ROOT}" STREQUAL "")
  set(openvino_own_root "$ENV{OPENVINO_ROOT}")
elseif(OPENVINO_ROOT)
  set(openvino_own_root "${OPENVINO_ROOT}")
endif()

# A root that changed since the last configuration is looked at anew.
if(NOT "${openvino_own_root}" STREQUAL "${OpenVINO_SEARCHED_ROOT}"
   OR NOT EXISTS "${OpenVINO_LIBRARY}" OR NOT EXISTS "${OpenVINO_INCLUDE_DIR}")
  unset(OpenVINO_LIBRARY CACHE)
  unset(OpenVINO_INCLUDE_DIR CACHE)
endif()
set(OpenVINO_SEARCHED_ROOT "${openvino_own_root}" CACHE INTERNAL "")

# Both halves from one place: C++ headers and a library of another version do not mix at all.
foreach(root IN ITEMS "${openvino_own_root}" system "${openvino_deps}")
  if(root STREQUAL "" OR OpenVINO_LIBRARY)
    continue()
  endif()
  set(where PATHS "${root}" NO_DEFAULT_PATH)
  if(root STREQUAL system)
    set(where "")
  endif()
  unset(OpenVINO_INCLUDE_DIR CACHE)
  find_path(OpenVINO_INCLUDE_DIR openvino/openvino.hpp ${where} PATH_SUFFIXES include)
  if(OpenVINO_INCLUDE_DIR)
    # The Python package has the library under its versioned name alone.
    file(GLOB openvino_versioned RELATIVE "${root}/libs" "${root}/libs/libopenvino.so.*")
    find_library(OpenVINO_LIBRARY NAMES openvino ${openvino_versioned} ${where}
                 PATH_SUFFIXES lib lib64 lib/intel64 lib/aarch64 libs)
  endif()
  if(root STREQUAL openvino_own_root AND NOT OpenVINO_LIBRARY)
    break()
  endif()
endforeach()
mark_as_advanced(OpenVINO_LIBRARY OpenVINO_INCLUDE_DIR)

if(OpenVINO_LIBRARY AND OpenVINO_INCLUDE_DIR)
  set(OpenVINO_FOUND TRUE)
  cmake_path(IS_PREFIX openvino_deps "${OpenVINO_LIBRARY}" NORMALIZE OpenVINO_IN_DEPS)
  set(OpenVINO_VERSION "")
  set(openvino_parts "")
  file(STRINGS "${OpenVINO_INCLUDE_DIR}/openvino/core/version.hpp" openvino_lines
       REGEX "#define OPENVINO_VERSION_(MAJOR|MINOR|PATCH) ")
  foreach(line IN LISTS openvino_lines)
    if(line MATCHES "([0-9]+)$")
      list(APPEND openvino_parts "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  list(JOIN openvino_parts "." OpenVINO_VERSION)
  if(NOT TARGET OpenVINO::OpenVINO)
    add_library(OpenVINO::OpenVINO SHARED IMPORTED)
    set_target_properties(OpenVINO::OpenVINO PROPERTIES
      IMPORTED_LOCATION "${OpenVINO_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${OpenVINO_INCLUDE_DIR}")
  endif()
else()
  set(OpenVINO_FOUND FALSE)
  if(OpenVINO_FIND_REQUIRED)
    message(FATAL_ERROR "OpenVINO was not found: run tools/setup build, or set OPENVINO_ROOT")
  endif()
endif()
