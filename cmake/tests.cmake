# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every test there is, found by its place and name, registered with ctest under a label.
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_library(support STATIC ${asserting_files})
target_link_libraries(support PRIVATE test_flags PkgConfig::cmocka PUBLIC makers)

# test_program(name file): a program that sees and links every layer
function(test_program name file)
	add_executable(${name} ${file})
	target_link_libraries(${name} PRIVATE
		test_flags support all_layers PkgConfig::cmocka PkgConfig::io_needs
		PkgConfig::loop_needs)
	set_target_properties(${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/tests)
endfunction()

# check(name LABEL label COMMAND ...): a test, run in the source tree
function(check name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;TIMEOUT" "COMMAND")
	if(NOT arg_TIMEOUT)
		set(arg_TIMEOUT 600)
	endif()
	add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
	set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
	set_tests_properties(${name} PROPERTIES
		# A test that was skipped has shown nothing.
		FAIL_REGULAR_EXPRESSION "\\[  SKIPPED \\]"
		# A leak or an overrun is a failure wherever it happens.  Scripts compile with CC.
		ENVIRONMENT "UBSAN_OPTIONS=print_stacktrace=1;ASAN_OPTIONS=detect_leaks=1;CC=${CMAKE_C_COMPILER}")
endfunction()

file(GLOB unit_files CONFIGURE_DEPENDS tests/unit/test_*.c)
foreach(file IN LISTS unit_files)
	get_filename_component(name ${file} NAME_WE)
	test_program(${name} ${file})
	check(${name} LABEL unit COMMAND ${name})
endforeach()

# What has threads is also built and run by itself, with the thread sanitizer.
set(threaded test_stages test_outbox test_kernel test_sink test_control test_metrics test_top_model)
add_custom_target(threaded DEPENDS rpcgate ${threaded})
set_tests_properties(${threaded} PROPERTIES LABELS "unit;threaded")

# cli is tested from outside, but for the rows that reports count in,
target_sources(test_counted PRIVATE src/cli/rows.c)
# and what rpcgate top knows and does apart from its terminal.
set(top_files top_model.c top_fill.c top_ladder.c top_ui.c top_clock.c words.c rows.c story.c
	story_memory.c story_reason.c rule_text.c options.c)
list(TRANSFORM top_files PREPEND src/cli/)
function(sees_top name)
	target_include_directories(${name} PRIVATE src/cli)
	target_sources(${name} PRIVATE ${top_files})
endfunction()
sees_top(test_top_model)

# Scripts get the program, the source tree and the build tree.
file(GLOB scripts CONFIGURE_DEPENDS tests/unit/test_*.sh)
foreach(file IN LISTS scripts)
	get_filename_component(name ${file} NAME_WE)
	check(${name} LABEL house COMMAND sh ${file} $<TARGET_FILE:rpcgate>
		${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_BINARY_DIR})
endforeach()

file(GLOB property_files CONFIGURE_DEPENDS tests/property/*.c)
foreach(file IN LISTS property_files)
	get_filename_component(name ${file} NAME_WE)
	test_program(${name} ${file})
	set(fewer)
	if(SANITIZE AND name STREQUAL property)
		# Sanitizers look at every access: half of the rewrites show what they can show.
		set(fewer --count 1200)
	endif()
	check(${name} LABEL property TIMEOUT 1800 COMMAND ${name} ${fewer})
endforeach()

# Captures with truth tables: ours, and any others, such as captures that may not be passed on.
set(RPCGATE_REPLAY_DIRS "" CACHE STRING "More directories of captures to replay, separated by ':'")
string(REPLACE ":" ";" replay_dirs "${RPCGATE_REPLAY_DIRS}")
foreach(dir IN ITEMS ${CMAKE_CURRENT_SOURCE_DIR}/pcaps ${replay_dirs})
	get_filename_component(name ${dir} NAME)
	check(replay_${name} LABEL replay TIMEOUT 1800 COMMAND ${Python3_EXECUTABLE}
		tests/replay/replay.py $<TARGET_FILE:rpcgate> ${dir})
	check(suggest_${name} LABEL replay TIMEOUT 1800 COMMAND ${Python3_EXECUTABLE}
		tests/replay/suggest.py $<TARGET_FILE:rpcgate> ${dir})
endforeach()

# A fuzz target without libFuzzer is linked with a small main() that replays its corpus.
file(GLOB fuzz_files CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
foreach(file IN LISTS fuzz_files)
	get_filename_component(name ${file} NAME_WE)
	string(REPLACE fuzz_ "" topic ${name})
	test_program(${name} ${file})
	set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/tests/fuzz/corpus/${topic})
	if(FUZZ)
		target_link_options(${name} PRIVATE -fsanitize=fuzzer)
		check(${name} LABEL fuzz COMMAND ${name} -runs=0 ${corpus})
	else()
		target_sources(${name} PRIVATE tests/fuzz/replay_main.c)
		check(${name} LABEL fuzz COMMAND ${name} ${corpus})
	endif()
endforeach()

sees_top(fuzz_top)

# Real clients, servers and packets around the program, in namespaces: they need root, and run alone.
set(RPCGATE_NET_TESTS "" CACHE STRING
	"Groups of tests that need root and network namespaces: clients;refusals;tricks;bridge;inline;faults;threads")
include(tests/net/net.cmake)
