# How FindOpenVINO and FindONNXRuntime look for a runtime.

# muster_find_runtime(NAME ROOT_VARIABLE ... HEADER ... HEADER_SUFFIXES ... LIBRARY ... LIBRARY_SUFFIXES ... [VERSIONED_IN folder])
# Headers and library of a runtime, in this order: $<ROOT_VARIABLE>, of the environment or of CMake; the system; .deps/<name>.
# VERSIONED_IN: a folder of each of these that may have the library under its versioned name alone.
#
# Sets NAME_LIBRARY and NAME_INCLUDE_DIR in the cache, which are both there or neither of use; NAME_FOUND, and NAME_IN_DEPS
# (it came from .deps).
function(muster_find_runtime name)
  cmake_parse_arguments(ARG "" "ROOT_VARIABLE;HEADER;LIBRARY;VERSIONED_IN" "HEADER_SUFFIXES;LIBRARY_SUFFIXES" ${ARGN})
  string(TOLOWER "${name}" folder)
  set(deps "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../.deps/${folder}")
  cmake_path(NORMAL_PATH deps)
  set(own_root "")
  if(DEFINED ENV{${ARG_ROOT_VARIABLE}} AND NOT "$ENV{${ARG_ROOT_VARIABLE}}" STREQUAL "")
    set(own_root "$ENV{${ARG_ROOT_VARIABLE}}")
  elseif(${ARG_ROOT_VARIABLE})
    set(own_root "${${ARG_ROOT_VARIABLE}}")
  endif()

  # A root that changed since the last configuration is looked at anew.
  if(NOT "${own_root}" STREQUAL "${${name}_SEARCHED_ROOT}"
     OR NOT EXISTS "${${name}_LIBRARY}" OR NOT EXISTS "${${name}_INCLUDE_DIR}")
    unset(${name}_LIBRARY CACHE)
    unset(${name}_INCLUDE_DIR CACHE)
  endif()
  set(${name}_SEARCHED_ROOT "${own_root}" CACHE INTERNAL "")

  # Both halves from one place: headers and a library of another version do not mix.
  foreach(root IN ITEMS "${own_root}" system "${deps}")
    if(root STREQUAL "" OR ${name}_LIBRARY)
      continue()
    endif()
    set(where PATHS "${root}" NO_DEFAULT_PATH)
    if(root STREQUAL system)
      set(where "")
    endif()
    unset(${name}_INCLUDE_DIR CACHE)
    find_path(${name}_INCLUDE_DIR ${ARG_HEADER} ${where} PATH_SUFFIXES ${ARG_HEADER_SUFFIXES})
    if(${name}_INCLUDE_DIR)
      set(versioned "")
      if(ARG_VERSIONED_IN)
        file(GLOB versioned RELATIVE "${root}/${ARG_VERSIONED_IN}" "${root}/${ARG_VERSIONED_IN}/lib${ARG_LIBRARY}.so.*")
      endif()
      find_library(${name}_LIBRARY NAMES ${ARG_LIBRARY} ${versioned} ${where} PATH_SUFFIXES ${ARG_LIBRARY_SUFFIXES})
    endif()
    if(root STREQUAL own_root AND NOT ${name}_LIBRARY)
      break()
    endif()
  endforeach()
  mark_as_advanced(${name}_LIBRARY ${name}_INCLUDE_DIR)

  set(found FALSE)
  set(in_deps FALSE)
  if(${name}_LIBRARY AND ${name}_INCLUDE_DIR)
    set(found TRUE)
    cmake_path(IS_PREFIX deps "${${name}_LIBRARY}" NORMALIZE in_deps)
  endif()
  set(${name}_FOUND ${found} PARENT_SCOPE)
  set(${name}_IN_DEPS ${in_deps} PARENT_SCOPE)
endfunction()

# muster_import_runtime(NAME): the target NAME::NAME.
function(muster_import_runtime name)
  if(NOT TARGET ${name}::${name})
    add_library(${name}::${name} SHARED IMPORTED)
    set_target_properties(${name}::${name} PROPERTIES
      IMPORTED_LOCATION "${${name}_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${${name}_INCLUDE_DIR}")
  endif()
endfunction()
