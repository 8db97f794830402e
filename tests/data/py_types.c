// SPDX-License-Identifier: GPL-2.0-only
/* Compiled with -g -fno-eliminate-unused-debug-types against an interpreter's own headers (3.13 and
 * later): debug information of its types, for tests/unit/test_dwarf.c, where the interpreter itself
 * carries none. */
#define Py_BUILD_CORE 1
#include <Python.h>

#include <internal/pycore_code.h>
#include <internal/pycore_dict.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_moduleobject.h>
#include <internal/pycore_runtime.h>
#if PY_VERSION_HEX >= 0x030e0000
#include <internal/pycore_interpframe.h>
#endif

const unsigned long version = PY_VERSION_HEX;
