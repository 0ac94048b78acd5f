# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tests of the inline program in a laboratory of namespaces.

# The plays of the attack tests, written as captures while they are judged
foreach(name IN ITEMS dcom epm rpc tcp)
	test_program(net_attacks_${name} tests/unit/test_attacks_${name}.c)
	list(APPEND scene_programs net_attacks_${name})
endforeach()
test_program(net_scenes tests/net/scenes.c)
list(APPEND scene_programs net_scenes)
set(scene_paths)
foreach(name IN LISTS scene_programs)
	target_sources(${name} PRIVATE tests/net/write_scenes.c)
	target_include_directories(${name} PRIVATE tests/net)
	target_link_options(${name} PRIVATE LINKER:--wrap=feed_judged)
	list(APPEND scene_paths $<TARGET_FILE:${name}>)
endforeach()

# net_test(group [argument...]): the scenarios of tests/net/group.py
function(net_test group)
	check(net_${group} LABEL net TIMEOUT 600 COMMAND /usr/bin/python3 tests/net/run.py
		--program $<TARGET_FILE:rpcgate> --build ${CMAKE_CURRENT_BINARY_DIR} ${group} ${ARGN})
	set_tests_properties(net_${group} PROPERTIES RUN_SERIAL ON
		# The leak checker needs system calls that the program has given up.
		ENVIRONMENT "UBSAN_OPTIONS=print_stacktrace=1;ASAN_OPTIONS=detect_leaks=0")
endfunction()

# Captures of others lack beginnings, whole segments, or addresses that can be routed: what is sent
# through a gateway comes from our own laboratory.
set(lab_dirs ${replay_dirs})
list(FILTER lab_dirs INCLUDE REGEX "/captures-lab$")

foreach(group IN LISTS RPCGATE_NET_TESTS)
	set(arguments)
	if(group STREQUAL inline)
		set(arguments ${CMAKE_CURRENT_SOURCE_DIR}/pcaps ${lab_dirs} ${scene_paths})
	endif()
	net_test(${group} ${arguments})
endforeach()
if("threads" IN_LIST RPCGATE_NET_TESTS)
	set_tests_properties(net_threads PROPERTIES LABELS "net;threaded")
endif()

# A wall clock that the tests can step
add_library(net_clockstep SHARED tests/net/clockstep.c)
target_compile_definitions(net_clockstep PRIVATE _GNU_SOURCE)
set_target_properties(net_clockstep PROPERTIES OUTPUT_NAME clockstep
	LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/tests)
