// SPDX-License-Identifier: GPL-2.0-only
/* Where collections begin and end, and marks are set: in the interpreters of this machine, and in machine
 * code by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/elf_functions.h"
#include "../../user/discover/gc_sites.h"
#include "../../user/discover/int_write.h"
#include "../../user/discover/mark_site.h"
#include "fake_elf.h"
#include "pythons.h"

/* ---- machine code ----------------------------------------------------------------------- */

#define RBX 3
#define RBP 6
#define R12 12

static bool parse(const char *code, size_t len, struct int_write *w)
{
	return int_write__parse((const uint8_t *)code, len, w);
}

static void test_stores(void **state)
{
	struct int_write w;

	(void)state;
	/* movl $1,0x330(%rbx) */
	assert_true(parse("\xc7\x83\x30\x03\0\0\x01\0\0\0", 10, &w));
	assert_int_equal(w.how, INT_STORE);
	assert_int_equal(w.base, RBX);
	assert_int_equal(w.disp, 0x330);
	assert_int_equal(w.value_reg, VTBPF_NO_REG);
	assert_int_equal(w.value, 1);
	/* movl $0,0x330(%r12) */
	assert_true(parse("\x41\xc7\x84\x24\x30\x03\0\0\0\0\0\0", 12, &w));
	assert_int_equal(w.base, R12);
	assert_int_equal(w.value, 0);
	/* mov %edx,0x350(%rbp) */
	assert_true(parse("\x89\x95\x50\x03\0\0", 6, &w));
	assert_int_equal(w.base, RBP);
	assert_int_equal(w.value_reg, 1);
	/* movl $1,0x100(%rip) */
	assert_true(parse("\xc7\x05\0\x01\0\0\x01\0\0\0", 10, &w));
	assert_int_equal(w.base, VTBPF_GC_BASE_IP);
	assert_int_equal(w.disp, 0x10a);
}

static void test_exchanges(void **state)
{
	struct int_write w;

	(void)state;
	/* lock cmpxchg %ecx,0x1db0(%rbp) */
	assert_true(parse("\xf0\x0f\xb1\x8d\xb0\x1d\0\0", 8, &w));
	assert_int_equal(w.how, INT_COMPARE);
	assert_int_equal(w.base, RBP);
	assert_int_equal(w.disp, 0x1db0);
	/* xchg %eax,(%rbx) */
	assert_true(parse("\x87\x03", 2, &w));
	assert_int_equal(w.how, INT_EXCHANGE);
	assert_int_equal(w.base, RBX);
	assert_int_equal(w.disp, 0);
	assert_int_equal(w.value_reg, 0);
	/* lea 0x1db0(%rax),%rbx */
	assert_true(parse("\x48\x8d\x98\xb0\x1d\0\0", 7, &w));
	assert_int_equal(w.how, INT_ADDRESS);
	assert_int_equal(w.disp, 0x1db0);
}

static void test_others(void **state)
{
	struct int_write w;

	(void)state;
	assert_false(parse("\xc7\x83\x30\x03\0\0\x01\0\0\0", 9, &w));  /* cut short */
	assert_false(parse("\x48\x89\x95\x50\x03\0\0", 7, &w));	       /* 8 bytes */
	assert_false(parse("\x66\x89\x95\x50\x03\0\0", 7, &w));	       /* 2 bytes */
	assert_false(parse("\x8b\x95\x50\x03\0\0", 6, &w));	       /* a load */
	assert_false(parse("\x89\xd0", 2, &w));			       /* to a register */
	assert_false(parse("\x89\x94\x83\x50\x03\0\0", 7, &w));	       /* an index */
	assert_false(parse("\xc7\x8b\x30\x03\0\0\x01\0\0\0", 10, &w)); /* no such instruction */
	assert_false(parse("\x0f\xb1\x8d\xb0\x1d\0\0", 7, &w));	       /* not locked */
	assert_false(parse("\xf0", 1, &w));
	assert_false(parse("", 0, &w));
}

/* ---- the unwind table -------------------------------------------------------------------- */

#define TABLE (FAKE_DATA + 0x100)

/* Functions at these offsets of the code. */
static struct elf_image *image_with_functions(const uint32_t *at, uint32_t n, uint32_t said,
					      int *file)
{
	static struct fake_elf e;
	uint8_t bytes[256] = { 1, 0x1b, 0x03, 0x3b };
	struct elf_image *img;

	memcpy(bytes + 8, &said, 4);
	for (uint32_t i = 0; i < n; i++) {
		int32_t entry = (int32_t)(FAKE_CODE + at[i]) - TABLE;

		memcpy(bytes + 12 + 8 * (size_t)i, &entry, 4);
	}
	fake_elf__init(&e);
	fake_elf__put(&e, FAKE_CODE + 0x400, "\xc3", 1);
	fake_elf__put(&e, TABLE, bytes, 12 + 8 * (size_t)n);
	fake_elf__section(&e, ".eh_frame_hdr", 1, TABLE, bytes, 12 + 8 * (size_t)n);
	*file = fake_elf__open(&e);
	img = elf_image__new(*file);
	assert_non_null(img);
	return img;
}

static void test_functions(void **state)
{
	const uint32_t at[] = { 0x10, 0x40, 0x200 };
	int fd;
	struct elf_image *img = image_with_functions(at, 3, 3, &fd);
	struct elf_functions f;
	uint64_t start, end;

	(void)state;
	assert_true(elf_functions__open(&f, img));
	assert_false(elf_functions__at(&f, FAKE_CODE, &start, &end));
	assert_true(elf_functions__at(&f, FAKE_CODE + 0x10, &start, &end));
	assert_int_equal(start, FAKE_CODE + 0x10);
	assert_int_equal(end, FAKE_CODE + 0x40);
	assert_true(elf_functions__at(&f, FAKE_CODE + 0x1ff, &start, &end));
	assert_int_equal(start, FAKE_CODE + 0x40);
	assert_true(elf_functions__at(&f, FAKE_CODE + 0x300, &start, &end));
	assert_int_equal(end, 0x2000); /* where the code ends */
	assert_false(elf_functions__at(&f, FAKE_CODE + 0x5000000, &start, &end));
	elf_image__free(img);
	close(fd);
}

/* A table that claims to be longer than the file, and a file without one. */
static void test_bad_functions(void **state)
{
	const uint32_t at[] = { 0x10 };
	int fd;
	struct elf_image *img = image_with_functions(at, 1, UINT32_MAX, &fd);
	static struct fake_elf e;
	struct elf_functions f;

	(void)state;
	assert_false(elf_functions__open(&f, img));
	elf_image__free(img);
	close(fd);
	fake_elf__init(&e);
	fake_elf__put(&e, FAKE_CODE, "\xc3", 1);
	fd = fake_elf__open(&e);
	img = elf_image__new(fd);
	assert_non_null(img);
	assert_false(elf_functions__open(&f, img));
	elf_image__free(img);
	close(fd);
}

/* ---- interpreters ----------------------------------------------------------------------- */

static void check_places(const struct gc_plan *gc, unsigned int minor)
{
	bool begins = false, ends = false;

	assert_in_range(gc->n, 2, VTBPF_MAX_GC_SITES);
	assert_int_equal(gc->stats, minor >= 15 ? VTBPF_GC_STATS_RINGS : VTBPF_GC_STATS_BEFORE);
	for (size_t i = 0; i < gc->n; i++) {
		const struct gc_place *p = &gc->places[i];

		assert_true(p->offset && p->vaddr);
		begins |= p->site.value == 1 || p->site.flags & VTBPF_GC_SITE_IF_ZERO;
		ends |= p->site.value_reg != VTBPF_NO_REG || p->site.value == 0;
	}
	assert_true(begins && ends);
}

static void test_interpreters(void **state)
{
	static struct probe_plan plan;
	static struct gc_plan gc;
	struct mark_site mark;
	char why[512];
	glob_t found;
	size_t n = 0;

	(void)state;
	pythons__libraries(&found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);

		why[0] = '\0';
		if (fd >= 0 && !probe_plan__identify(fd, &plan, why, sizeof(why))) {
			assert_int_equal(gc_sites__find(fd, &plan, &gc, why, sizeof(why)), 0);
			check_places(&gc, plan.layout.minor);
			assert_int_equal(mark_site__find(fd, &mark), 0);
			assert_true(mark.offset && mark.vaddr);
			n++;
		}
		close(fd);
	}
	globfree(&found);
	if (!n)
		skip();
}

/* What can be read, and no more, is known of another machine. */
static void test_arm64(void **state)
{
	static struct probe_plan plan;
	static struct gc_plan gc;
	struct mark_site mark;
	char why[512];
	glob_t found;

	(void)state;
	pythons__arm64(&found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && !probe_plan__identify(fd, &plan, why, sizeof(why))) {
			assert_int_equal(gc_sites__find(fd, &plan, &gc, why, sizeof(why)),
					 -ENOTSUP);
			assert_non_null(strstr(why, "x86_64 only"));
			assert_int_equal(gc.n, 0);
			assert_int_equal(mark_site__find(fd, &mark), 0);
			assert_int_equal(mark.args_reg, 1);
		}
		close(fd);
	}
	globfree(&found);
}

/* ---- marks ------------------------------------------------------------------------------ */

#define NAME_AT (FAKE_DATA + 0x20)
#define METHODS (FAKE_DATA + 0x40)

static void put_method(struct fake_elf *e, uint64_t at, uint64_t function, uint64_t flags)
{
	fake_elf__put_u64(e, at, NAME_AT);
	fake_elf__put_u64(e, at + 8, function);
	fake_elf__put_u64(e, at + 16, flags);
}

static int find_mark(struct fake_elf *e, struct mark_site *site)
{
	int fd, err;

	fake_elf__put(e, NAME_AT, "audit", 6);
	fd = fake_elf__open(e);
	err = mark_site__find(fd, site);
	close(fd);
	return err;
}

static void test_mark(void **state)
{
	static struct fake_elf e;
	struct mark_site site;

	(void)state;
	fake_elf__init(&e);
	fake_elf__put(&e, FAKE_CODE + 0x10, "\xf3\x0f\x1e\xfa\x55\xc3", 6); /* endbr64; push; ret */
	put_method(&e, METHODS, FAKE_CODE + 0x10, 0x80);
	assert_int_equal(find_mark(&e, &site), 0);
	assert_int_equal(site.vaddr, FAKE_CODE + 0x14); /* the push is emulated */
	assert_int_equal(site.args_reg, 4);
	assert_int_equal(site.nargs_reg, 1);
}

/* Another convention for calls; two functions of that name. */
static void test_no_mark(void **state)
{
	static struct fake_elf e;
	struct mark_site site;

	(void)state;
	fake_elf__init(&e);
	fake_elf__put(&e, FAKE_CODE + 0x10, "\x55\xc3\x55\xc3", 4);
	put_method(&e, METHODS, FAKE_CODE + 0x10, 0x1);
	assert_int_equal(find_mark(&e, &site), -ENOENT);
	fake_elf__init(&e);
	fake_elf__put(&e, FAKE_CODE + 0x10, "\x55\xc3\x55\xc3", 4);
	put_method(&e, METHODS, FAKE_CODE + 0x10, 0x80);
	put_method(&e, METHODS + 32, FAKE_CODE + 0x12, 0x80);
	assert_int_equal(find_mark(&e, &site), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stores),	      cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_others),	      cmocka_unit_test(test_functions),
		cmocka_unit_test(test_bad_functions), cmocka_unit_test(test_interpreters),
		cmocka_unit_test(test_arm64),	      cmocka_unit_test(test_mark),
		cmocka_unit_test(test_no_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
