// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/usdt_note.h"
#include "fake_elf.h"

#define STRINGS "python\0gc__start\0-4@%eax"

struct blob {
	uint8_t bytes[512];
	size_t size;
};

static void add(struct blob *b, const void *bytes, size_t size)
{
	memcpy(b->bytes + b->size, bytes, size);
	b->size += (size + 3) & ~(size_t)3;
}

/* One note with the given location, base and semaphore. */
static void add_note(struct blob *b, const uint64_t addrs[3], const char *strings, size_t size)
{
	uint32_t head[3] = { 8, (uint32_t)(24 + size), 3 };

	add(b, head, sizeof(head));
	add(b, "stapsdt", 8);
	add(b, addrs, 24);
	add(b, strings, size);
}

static size_t read_notes(const struct blob *b, uint64_t base, struct usdt_site *sites, size_t max)
{
	struct fake_elf *e = malloc(sizeof(*e));
	struct elf_image *img;
	size_t n;
	int fd;

	fake_elf__init(e);
	if (base)
		fake_elf__section(e, ".stapsdt.base", SHT_PROGBITS, base, "", 1);
	fake_elf__section(e, ".note.stapsdt", SHT_NOTE, 0, b->bytes, b->size);
	fd = fake_elf__open(e);
	img = elf_image__new(fd);
	assert_non_null(img);
	n = usdt_note__read(img, sites, max);
	elf_image__free(img);
	close(fd);
	free(e);
	return n;
}

static void test_notes(void **state)
{
	struct blob b = { .size = 0 };
	struct usdt_site sites[4];

	(void)state;
	add_note(&b, (uint64_t[]){ FAKE_CODE + 8, 0, FAKE_DATA + 2 }, STRINGS, sizeof(STRINGS));
	add_note(&b, (uint64_t[]){ FAKE_CODE + 9, 0, 0 }, STRINGS, sizeof(STRINGS));
	assert_int_equal(read_notes(&b, 0, sites, 4), 2);
	assert_string_equal(sites[0].name, "python:gc__start");
	assert_string_equal(sites[0].args, "-4@%eax");
	assert_int_equal(sites[0].offset, FAKE_CODE + 8);
	assert_int_equal(sites[0].ref_ctr_offset, FAKE_DATA + 2);
	assert_int_equal(sites[1].vaddr, FAKE_CODE + 9);
	assert_int_equal(sites[1].ref_ctr_offset, 0);
	assert_int_equal(read_notes(&b, 0, sites, 1), 1);
}

/* A prelinked file was moved after its notes were written. */
static void test_base(void **state)
{
	struct blob b = { .size = 0 };
	struct usdt_site site;

	(void)state;
	add_note(&b, (uint64_t[]){ 0x108, 0x900, 0x7102 }, STRINGS, sizeof(STRINGS));
	assert_int_equal(read_notes(&b, 0x1800, &site, 1), 1);
	assert_int_equal(site.vaddr, 0x1008);
	assert_int_equal(site.ref_ctr_offset, 0x8002);
}

static void test_damaged_notes(void **state)
{
	struct blob b = { .size = 0 };
	struct usdt_site sites[4];
	struct elf_note note = { .type = 3, .owner = "stapsdt", .desc = b.bytes, .desc_len = 23 };

	(void)state;
	/* outside of the file, strings without an end, a string too few */
	add_note(&b, (uint64_t[]){ 0x99999999, 0, 0 }, STRINGS, sizeof(STRINGS));
	add_note(&b, (uint64_t[]){ FAKE_CODE, 0, 0 }, "python\0gc__startxxx", 19);
	add_note(&b, (uint64_t[]){ FAKE_CODE, 0, 0 }, "python\0gc", 10);
	add_note(&b, (uint64_t[]){ FAKE_CODE + 1, 0, 0 }, STRINGS, sizeof(STRINGS));
	assert_int_equal(read_notes(&b, 0, sites, 4), 1);
	assert_int_equal(sites[0].vaddr, FAKE_CODE + 1);
	assert_false(usdt_note__parse(NULL, &note, 0, sites)); /* shorter than its addresses */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_damaged_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
