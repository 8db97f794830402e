// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpython.h"
#include "dispatch_table.h"
#include "version.h"

/* First bytes of _Py_DebugOffsets, which _PyRuntime begins with from 3.13 on. */
#define DEBUG_COOKIE "xdebugpy"
#define COOKIE_LEN 8

static bool plausible(uint64_t hex)
{
	return hex >> 24 == 3 && (hex >> 16 & 0xff) < 64;
}

/* Py_Version is exported from 3.11 on (Include/pymacro.h). */
static bool from_symbol(const struct elf_image *img, uint32_t *hex)
{
	struct elf_symbol sym;
	const uint8_t *p;
	uint32_t value;

	if (!elf_image__symbol(img, "Py_Version", &sym))
		return false;
	p = elf_image__bytes(img, sym.vaddr, sizeof(value));
	if (!p)
		return false;
	memcpy(&value, p, sizeof(value));
	*hex = value;
	return plausible(value);
}

static bool from_debug_offsets(const struct elf_image *img, uint64_t runtime, uint32_t *hex)
{
	const uint8_t *p = elf_image__bytes(img, runtime, COOKIE_LEN);
	uint64_t value;

	if (!p || memcmp(p, DEBUG_COOKIE, COOKIE_LEN) != 0 ||
	    !elf_image__u64(img, runtime + COOKIE_LEN, &value) || !plausible(value))
		return false;
	*hex = (uint32_t)value;
	return true;
}

/* ---- up to 3.10: PY_VERSION as text ----------------------------------------------------- */

static uint32_t level_of(char c)
{
	return c == 'a' ? 0xa : c == 'b' ? 0xb : c == 'c' ? 0xc : 0;
}

/* Reads "3.10.13", "3.9.0rc1", "3.8.0+" as a whole string. 0 when it is something else. */
static uint32_t parse_version(const char *text, size_t len)
{
	unsigned int minor, micro, serial = 0;
	char buf[24], level[3] = "";
	int end = 0;
	uint32_t value;

	if (len >= sizeof(buf) || strncmp(text, "3.", 2) != 0)
		return 0;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (len && buf[len - 1] == '+')
		buf[--len] = '\0';
	if (sscanf(buf, "3.%2u.%2u%n", &minor, &micro, &end) != 2)
		return 0;
	value = 3u << 24 | minor << 16 | micro << 8;
	if ((size_t)end == len)
		return value | 0xf0;
	if (sscanf(buf + end, "%2[abrc]%2u%n", level, &serial, &end) != 2 || serial > 15)
		return 0;
	value |= level_of(strcmp(level, "rc") == 0 ? 'c' : level[0]) << 4 | serial;
	return value & 0xf0 ? value : 0;
}

/* Start of the longest tail of [p, nul) made of characters that a version may have. */
static const char *version_tail(const char *p, const char *nul)
{
	const char *tail = nul;

	while (tail > p && (isalnum((unsigned char)tail[-1]) || tail[-1] == '.' || tail[-1] == '+'))
		tail--;
	return tail;
}

/*
 * Looks for the NUL-terminated string PY_VERSION of 3.minor. Linkers merge a string with the end
 * of a longer one ("/usr/local/versions/3.10.13"), so such ends count, too, but less: *whole
 * tells.
 */
static uint32_t version_in(const struct elf_segment *seg, unsigned int minor, bool *whole)
{
	const char *p = (const char *)seg->bytes, *end = p + seg->size, *nul;
	uint32_t found = 0;

	*whole = false;
	for (; p < end && !*whole; p = nul + 1) {
		const char *tail;
		uint32_t hex;

		nul = memchr(p, '\0', (size_t)(end - p));
		if (!nul)
			break;
		tail = version_tail(p, nul);
		hex = *tail == '3' ? parse_version(tail, (size_t)(nul - tail)) : 0;
		if (!hex || (hex >> 16 & 0xff) != minor)
			continue;
		*whole = tail == p;
		if (*whole || !found)
			found = hex;
	}
	return found;
}

static uint32_t version_text(const struct elf_image *img, unsigned int minor)
{
	uint32_t found = 0;
	size_t i;

	for (i = 0; i < img->n_segments; i++) {
		bool whole;
		uint32_t hex = version_in(&img->segments[i], minor, &whole);

		if (hex && whole)
			return hex;
		if (hex && !found)
			found = hex;
	}
	return found;
}

/* The minor version whose opcode table is in the file tells which of the texts counts. */
static bool from_table(const struct elf_image *img, uint32_t *hex)
{
	struct elf_slot *slots = NULL;
	struct dispatch_table table;
	unsigned int minor;
	size_t n = 0;

	*hex = 0;
	if (elf_image__code_slots(img, &slots, &n))
		return false;
	for (minor = CPYTHON_OLDEST; minor <= 10 && !*hex; minor++) {
		if (dispatch_table__find_in(slots, n, cpython__of(minor), &table) == 0)
			*hex = version_text(img, minor);
	}
	free(slots);
	return *hex != 0;
}

/* Builds without computed gotos have no such table. The newest addition to the C API tells. */
static bool from_api(const struct elf_image *img, uint32_t *hex)
{
	static const struct {
		const char *name;
		unsigned int minor;
	} news[] = { { "PyModule_AddObjectRef", 10 },	      /* Include/modsupport.h */
		     { "PyFrame_GetBack", 9 },		      /* Include/cpython/frameobject.h */
		     { "PyPreConfig_InitPythonConfig", 8 } }; /* Include/cpython/initconfig.h */
	struct elf_symbol sym;
	size_t i;

	*hex = 0;
	for (i = 0; i < sizeof(news) / sizeof(*news); i++) {
		if (!elf_image__symbol(img, news[i].name, &sym))
			continue;
		*hex = version_text(img, news[i].minor);
		break;
	}
	return *hex != 0;
}

/* A version too old to be traced, named for the message only: libpython3.7m.so.1.0 has it in its
 * name, other files at least as text. */
static bool from_name(const struct elf_image *img, uint32_t *hex)
{
	unsigned int minor;

	*hex = 0;
	if (sscanf(img->soname, "libpython3.%2u", &minor) == 1) {
		*hex = version_text(img, minor);
		if (!*hex)
			*hex = 3u << 24 | minor << 16 | 0xf0;
	}
	for (minor = 0; minor < CPYTHON_OLDEST && !*hex; minor++)
		*hex = version_text(img, minor);
	return *hex != 0;
}

int python_version__of(const struct elf_image *img, struct python_version *v)
{
	struct elf_symbol sym;

	*v = (struct python_version){ 0 };
	if (elf_image__symbol(img, "_PyRuntime", &sym) ||
	    elf_image__section(img, ".PyRuntime", &sym.vaddr))
		v->runtime = sym.vaddr;
	if (v->runtime && from_debug_offsets(img, v->runtime, &v->hex))
		return 0;
	if (from_symbol(img, &v->hex))
		return 0;
	if (!elf_image__symbol(img, "_PyEval_EvalFrameDefault", &sym)) {
		if (!elf_image__symbol(img, "PyEval_EvalFrameEx", &sym))
			return -ENOENT;
		v->hex = 2u << 24;
		return 0;
	}
	if (from_table(img, &v->hex) || from_api(img, &v->hex) || from_name(img, &v->hex))
		return 0;
	return -ENOTSUP;
}
