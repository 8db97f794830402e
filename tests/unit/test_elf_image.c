// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/discover/elf_image.h"
#include "../../user/discover/probe_plan.h"
#include "fake_elf.h"

#define SHT_RELR_ 19

static struct elf_image *image_of(struct fake_elf *e, int *fd)
{
	struct elf_image *img;

	*fd = fake_elf__open(e);
	img = elf_image__new(*fd);
	assert_non_null(img);
	return img;
}

static void test_segments(void **state)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct elf_image *img;
	uint64_t value;
	int fd;

	(void)state;
	fake_elf__init(e);
	fake_elf__put_u64(e, FAKE_DATA + 8, 0x1122334455667788);
	img = image_of(e, &fd);
	assert_int_equal(img->n_segments, 2);
	assert_true(elf_image__u64(img, FAKE_DATA + 8, &value));
	assert_int_equal(value, 0x1122334455667788);
	assert_true(elf_image__is_code(img, FAKE_CODE));
	assert_false(elf_image__is_code(img, FAKE_DATA));
	assert_true(elf_image__offset(img, FAKE_CODE + 5, &value));
	assert_int_equal(value, FAKE_CODE + 5);
	assert_int_equal(elf_image__room(img, FAKE_DATA + 0xff0), 16);
	elf_image__free(img);
	close(fd);
	free(e);
}

static void test_reads_outside_fail(void **state)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct elf_image *img;
	uint64_t value;
	int fd;

	(void)state;
	fake_elf__init(e);
	img = image_of(e, &fd);
	assert_null(elf_image__bytes(img, FAKE_DATA + 0xfff, 2));
	assert_null(elf_image__bytes(img, FAKE_DATA, SIZE_MAX));
	assert_null(elf_image__bytes(img, FAKE_CODE - 1, 1));
	assert_null(elf_image__bytes(img, UINT64_MAX, 1));
	/* zeroed memory behind the file's bytes is no file content */
	assert_false(elf_image__u64(img, FAKE_DATA + 0x1000, &value));
	assert_false(elf_image__offset(img, FAKE_DATA + 0x1000, &value));
	elf_image__free(img);
	close(fd);
	free(e);
}

static void test_symbols(void **state)
{
	static const char *const wanted[] = { "none", "_PyRuntime", NULL };
	struct fake_elf *e = malloc(sizeof(*e));
	struct elf_image *img;
	struct elf_symbol sym;
	int fd;

	(void)state;
	fake_elf__init(e);
	fake_elf__symbol(e, "_PyRuntime", FAKE_DATA + 0x10);
	img = image_of(e, &fd);
	assert_true(elf_image__symbol(img, "_PyRuntime", &sym));
	assert_int_equal(sym.vaddr, FAKE_DATA + 0x10);
	assert_false(elf_image__symbol(img, "_PyRuntim", &sym));
	assert_true(elf_file__defines(fd, wanted));
	assert_false(elf_file__defines(fd, (const char *const[]){ "none", NULL }));
	assert_true(img->stripped);
	elf_image__free(img);
	close(fd);
	free(e);
}

static void test_code_vaddr(void **state)
{
	struct fake_elf *e = malloc(sizeof(*e));
	uint64_t vaddr;
	int fd;

	(void)state;
	fake_elf__init(e);
	fd = fake_elf__open(e);
	assert_true(elf_file__code_vaddr(fd, FAKE_CODE, &vaddr));
	assert_int_equal(vaddr, FAKE_CODE);
	assert_false(elf_file__code_vaddr(fd, FAKE_DATA, &vaddr));
	close(fd);
	free(e);
}

/* Slots of an executable at fixed addresses: aligned words that point into code. */
static void test_slots_of_words(void **state)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct elf_slot *slots;
	struct elf_image *img;
	size_t n;
	int fd;

	(void)state;
	fake_elf__init(e);
	fake_elf__put_u64(e, FAKE_DATA + 0x20, FAKE_CODE + 4);
	fake_elf__put_u64(e, FAKE_DATA + 0x28, FAKE_CODE + 0x1000); /* just behind it */
	fake_elf__put_u64(e, FAKE_DATA + 0x34, FAKE_CODE);	    /* not aligned */
	img = image_of(e, &fd);
	assert_int_equal(elf_image__code_slots(img, &slots, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(slots[0].vaddr, FAKE_DATA + 0x20);
	assert_int_equal(slots[0].value, FAKE_CODE + 4);
	free(slots);
	elf_image__free(img);
	close(fd);
	free(e);
}

static void test_slots_of_rela(void **state)
{
	const Elf64_Rela rela[] = {
		{ FAKE_DATA + 0x40, ELF64_R_INFO(0, R_X86_64_RELATIVE), FAKE_CODE + 8 },
		{ FAKE_DATA + 0x38, ELF64_R_INFO(0, R_X86_64_RELATIVE), FAKE_CODE + 7 },
		{ FAKE_DATA + 0x48, ELF64_R_INFO(1, R_X86_64_GLOB_DAT), 0 },
	};
	struct fake_elf *e = malloc(sizeof(*e));
	uint64_t got[2];
	struct elf_slot *slots;
	struct elf_image *img;
	size_t n;
	int fd;

	(void)state;
	fake_elf__init(e);
	e->type = ET_DYN;
	fake_elf__symbol(e, "PyTraceBack_Here", FAKE_CODE);
	fake_elf__section(e, ".rela.dyn", SHT_RELA, 0, rela, sizeof(rela));
	img = image_of(e, &fd);
	assert_int_equal(elf_image__code_slots(img, &slots, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(slots[0].vaddr, FAKE_DATA + 0x38);
	assert_int_equal(slots[1].value, FAKE_CODE + 8);
	assert_int_equal(elf_image__slots_of(img, "PyTraceBack_Here", got, 2), 1);
	assert_int_equal(got[0], FAKE_DATA + 0x48);
	assert_int_equal(elf_image__slots_of(img, "other", got, 2), 0);
	free(slots);
	elf_image__free(img);
	close(fd);
	free(e);
}

/* An address, then a bitmap for the words 1, 2 and 63 after it, then one for the word 65 after
 * it. */
static void test_slots_of_relr(void **state)
{
	const uint64_t relr[] = { FAKE_DATA + 0x100, 1ull << 63 | 3ull << 1 | 1, 1ull << 2 | 1 };
	const size_t at[] = { 0, 1, 2, 63, 65 };
	struct fake_elf *e = malloc(sizeof(*e));
	struct elf_slot *slots;
	struct elf_image *img;
	size_t n, i;
	int fd;

	(void)state;
	fake_elf__init(e);
	e->type = ET_DYN;
	for (i = 0; i < 70; i++)
		fake_elf__put_u64(e, FAKE_DATA + 0x100 + 8 * i, FAKE_CODE + i);
	fake_elf__section(e, ".relr.dyn", SHT_RELR_, 0, relr, sizeof(relr));
	img = image_of(e, &fd);
	assert_int_equal(elf_image__code_slots(img, &slots, &n), 0);
	assert_int_equal(n, 5);
	for (i = 0; i < 5; i++) {
		assert_int_equal(slots[i].vaddr, FAKE_DATA + 0x100 + 8 * at[i]);
		assert_int_equal(slots[i].value, FAKE_CODE + at[i]);
	}
	free(slots);
	elf_image__free(img);
	close(fd);
	free(e);
}

static void test_build_id(void **state)
{
	const uint8_t note[] = { 4, 0, 0,   0,	 3,   0, 0,    0, 3,	0,
				 0, 0, 'G', 'N', 'U', 0, 0xab, 1, 0xff, 0 };
	struct fake_elf *e = malloc(sizeof(*e));
	struct elf_image *img;
	int fd;

	(void)state;
	fake_elf__init(e);
	fake_elf__section(e, ".note.gnu.build-id", SHT_NOTE, 0, note, sizeof(note));
	img = image_of(e, &fd);
	assert_string_equal(img->build_id, "ab01ff");
	elf_image__free(img);
	close(fd);
	free(e);
}

static void test_not_elf(void **state)
{
	int fd = open("/proc/self/maps", O_RDONLY);

	(void)state;
	assert_null(elf_image__new(fd));
	assert_int_equal(errno, ENOEXEC);
	close(fd);
	fd = open("/", O_RDONLY);
	assert_null(elf_image__new(fd));
	close(fd);
	elf_image__free(NULL);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

/* A file with something of everything that discover reads. */
static int rich_file(struct fake_elf *e)
{
	static const uint8_t note[80] = { 8, 0, 0,   0,	  48,  0,   0,	 0,   3,   0,
					  0, 0, 's', 't', 'a', 'p', 's', 'd', 't', 0 };
	const Elf64_Rela rela[] = { { FAKE_DATA, ELF64_R_INFO(1, 6), 0 },
				    { FAKE_DATA + 8, ELF64_R_INFO(0, 8), FAKE_CODE } };
	const uint64_t relr[] = { FAKE_DATA + 0x100, 0xff };

	fake_elf__init(e);
	e->type = ET_DYN;
	fake_elf__symbol(e, "_PyEval_EvalFrameDefault", FAKE_CODE);
	fake_elf__symbol(e, "Py_Version", FAKE_DATA);
	fake_elf__put_u64(e, FAKE_DATA, 0x030b02f0);
	fake_elf__section(e, ".rela.dyn", SHT_RELA, 0, rela, sizeof(rela));
	fake_elf__section(e, ".relr.dyn", SHT_RELR_, 0, relr, sizeof(relr));
	fake_elf__section(e, ".note.stapsdt", SHT_NOTE, 0, note, sizeof(note));
	return fake_elf__open(e);
}

/* Whatever a damaged file says, it is read without a crash (run with SAN=1 to see reads
 * outside). */
static void test_damaged_files(void **state)
{
	struct fake_elf *e = malloc(sizeof(*e));
	static struct probe_plan plan;
	uint32_t seed = 1;
	char why[200];
	int round, k;

	(void)state;
	for (round = 0; round < 300; round++) {
		int fd = rich_file(e);

		for (k = 0; k < 8; k++) {
			uint8_t byte = (uint8_t)next_random(&seed);
			off_t at = k < 3 ? next_random(&seed) % 176 :
					   0xa000 + next_random(&seed) % 0x1000;

			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		if (round % 3 == 0)
			assert_int_equal(ftruncate(fd, next_random(&seed)), 0);
		assert_int_not_equal(probe_plan__make(fd, &plan, why, sizeof(why)), 0);
		close(fd);
	}
	free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments),       cmocka_unit_test(test_reads_outside_fail),
		cmocka_unit_test(test_symbols),	       cmocka_unit_test(test_code_vaddr),
		cmocka_unit_test(test_slots_of_words), cmocka_unit_test(test_slots_of_rela),
		cmocka_unit_test(test_slots_of_relr),  cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_not_elf),	       cmocka_unit_test(test_damaged_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
