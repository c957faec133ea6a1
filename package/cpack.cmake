# Packages for Debian: `nika` (the program) and `libnika-dev` (libnika, and the testbed for protocols outside the tree). scripts/package makes
# them; by hand, in a build with the prefix /usr: cpack -G DEB.
find_program(DPKG_EXECUTABLE dpkg)
set(architecture "${CMAKE_SYSTEM_PROCESSOR}")
if(DPKG_EXECUTABLE)
    execute_process(COMMAND "${DPKG_EXECUTABLE}" --print-architecture OUTPUT_VARIABLE architecture OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
file(STRINGS debian/changelog newest LIMIT_COUNT 1)
string(REGEX MATCH "\\(([^-)]+)-([^)]+)\\)" found "${newest}")
if(NOT CMAKE_MATCH_1 VERSION_EQUAL PROJECT_VERSION)
    message(FATAL_ERROR "package/debian/changelog is of version ${CMAKE_MATCH_1}, the project of ${PROJECT_VERSION}")
endif()
set(release "${CMAKE_MATCH_2}")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME nika)
set(CPACK_PACKAGE_VENDOR "The Nika authors")
set(CPACK_PACKAGE_CONTACT "Nika maintainers <maintainers@nika.example.org>")
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_COMPONENTS_ALL program development)
# Each package has a first line of its own: no summary for both, whose default is that of the project.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "simulation testbed for Byzantine-fault-tolerant replication
Runs real replication protocols, PBFT and Hybster, against a simulated
network, disk, clock and CPU, attacks them with faults and Byzantine
replicas, and judges every run by oracles; a run replays from its seed, bit
for bit. The same modules run as a live cluster.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "client library and protocol testbed of nika for C programs
The static library libnika is a client of Byzantine-fault-tolerant clusters.
With libnika-sim a program tests a replication protocol of its own in the
simulator of nika. With files for pkg-config and CMake.")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS "${CMAKE_CURRENT_SOURCE_DIR}/finish.cmake")
set(CPACK_NIKA_SOURCE "${PROJECT_SOURCE_DIR}")
set(CPACK_NIKA_BUILD "${PROJECT_BINARY_DIR}")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE "${release}")
set(CPACK_DEBIAN_PACKAGE_SOURCE nika)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE "${architecture}")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME nika)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "libnika-dev, systemd, prometheus")
if(TSS2_FOUND) # Opened by `nika tss --tpm` alone, so no dependency.
    string(APPEND CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS ", libtss2-esys-3.0.2-0, libtss2-tctildr0, libtss2-rc0")
endif()
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA
    "${CMAKE_CURRENT_SOURCE_DIR}/debian/postinst;${CMAKE_CURRENT_SOURCE_DIR}/debian/prerm;${CMAKE_CURRENT_SOURCE_DIR}/debian/postrm")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libnika-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
# What nika.pc and nika-sim.pc name, and what the static archives call.
set(needs libssl-dev "libjansson-dev (>= 2.14)" libxxhash-dev "libmicrohttpd-dev (>= 0.9.75)" "libseccomp-dev (>= 2.5)")
if(NIKA_SODIUM)
    list(APPEND needs libsodium-dev)
endif()
list(JOIN needs ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS nika)
include(CPack)
