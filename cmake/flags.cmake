# SPDX-License-Identifier: GPL-3.0-or-later
#
# How everything is compiled.  The interface target rpcgate_flags carries it.
option(RPCGATE_WERROR "Treat warnings as errors" OFF)
option(FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
set(SANITIZE "" CACHE STRING "Sanitizers to build with, such as address,undefined")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
	set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()
# CMake adds -DNDEBUG to RelWithDebInfo; an assertion that is worth writing is worth running.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
check_pie_supported()

if(FUZZ)
	if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
		message(FATAL_ERROR "FUZZ=ON needs clang: configure with -DCMAKE_C_COMPILER=clang")
	endif()
	if(NOT SANITIZE)
		set(SANITIZE address,undefined)
	endif()
endif()

add_library(rpcgate_flags INTERFACE)

target_compile_options(rpcgate_flags INTERFACE
	-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	$<$<BOOL:${RPCGATE_WERROR}>:-Werror>)

# Hardening.  -fcf-protection exists for x86 alone.
include(CheckCCompilerFlag)
check_c_compiler_flag(-fcf-protection RPCGATE_HAVE_CF_PROTECTION)
target_compile_options(rpcgate_flags INTERFACE
	-fstack-protector-strong
	-fstack-clash-protection
	$<$<BOOL:${RPCGATE_HAVE_CF_PROTECTION}>:-fcf-protection>)
target_link_options(rpcgate_flags INTERFACE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)

if(SANITIZE)
	target_compile_options(rpcgate_flags INTERFACE
		-fsanitize=${SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(rpcgate_flags INTERFACE -fsanitize=${SANITIZE})
	if(FUZZ)
		target_compile_options(rpcgate_flags INTERFACE -fsanitize=fuzzer-no-link)
		target_link_options(rpcgate_flags INTERFACE -fsanitize=fuzzer-no-link)
	endif()
else()
	# The sanitizers replace the functions that fortification wraps; -O0 has none of it.
	target_compile_options(rpcgate_flags INTERFACE
		$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
