# Helpers that say a target in one line. One library per folder; sources are listed, never globbed.
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka>=1.1.5)

add_library(nika_flags INTERFACE)
target_include_directories(nika_flags INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(nika_flags INTERFACE _GNU_SOURCE)
target_compile_options(nika_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wswitch-enum
    -Wno-flexible-array-extensions $<$<C_COMPILER_ID:GNU>:-Wno-pedantic>)

# nika_library(NAME sources... LINK libraries...)
function(nika_library name)
    cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
    add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PUBLIC nika_flags ${ARG_LINK})
    set_target_properties(${name} PROPERTIES C_VISIBILITY_PRESET hidden)
endfunction()

# nika_test(NAME source LINK libraries... [LABELS labels...] [TIMEOUT seconds]): one executable per file, named area.unit.
function(nika_test name source)
    cmake_parse_arguments(ARG "" "TIMEOUT" "LINK;LABELS;ARGS" ${ARGN})
    string(REPLACE "." "_" target "test_${name}")
    add_executable(${target} ${source})
    target_link_libraries(${target} PRIVATE nika_flags ${ARG_LINK} PkgConfig::CMOCKA)
    target_compile_options(${target} PRIVATE -Wno-conversion -Wno-sign-conversion -Wno-missing-prototypes)
    add_test(NAME ${name} COMMAND ${target} ${ARG_ARGS} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    if(NOT ARG_LABELS)
        set(ARG_LABELS unit)
    endif()
    set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
