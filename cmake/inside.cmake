# SPDX-License-Identifier: GPL-3.0-or-later
#
# What tests and benchmarks see of the program, from inside.

# Every layer but cli, which is looked at from outside
add_library(test_flags INTERFACE)
target_include_directories(test_flags INTERFACE
	include src/base src/wire src/rpc src/gate src/io src/loop tests/support)
target_compile_definitions(test_flags INTERFACE _GNU_SOURCE
	TEST_SOURCE_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(test_flags INTERFACE rpcgate_flags)

# Everything that may be called, without main().  Static archives give each program what it uses.
add_library(all_layers STATIC ${library_objects} $<TARGET_OBJECTS:io> $<TARGET_OBJECTS:loop>)
set_target_properties(all_layers PROPERTIES LINKER_LANGUAGE C)

# What makes input; what says whether the answer is right needs cmocka, and is the tests' alone
set(asserting_files tests/support/play.c tests/support/verdict.c)
file(GLOB maker_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} tests/support/*.c)
list(REMOVE_ITEM maker_files ${asserting_files})
add_library(makers STATIC ${maker_files})
target_link_libraries(makers PRIVATE test_flags all_layers PkgConfig::io_needs)
