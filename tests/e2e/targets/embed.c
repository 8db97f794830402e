// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that is no Python and loads one: the library that VTBPF_LIBPYTHON names runs what
 * `python ARGUMENT...` would.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const char *path = getenv("VTBPF_LIBPYTHON");
	void *library = path ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
	int (*run)(int, char **) = NULL;

	if (library)
		*(void **)&run = dlsym(library, "Py_BytesMain");
	if (!run) {
		fprintf(stderr, "embed: no Python: %s\n", path ? dlerror() : "VTBPF_LIBPYTHON?");
		return 2;
	}
	return run(argc, argv);
}
