/* SPDX-License-Identifier: GPL-2.0-only */
/* Code made for the rules of user/discover/sites*.c: put it together, search it, look at the plan. */
#ifndef SITE_BENCH_H
#define SITE_BENCH_H

#include "../../user/discover/sites.h"
#include "fake_elf.h"

#define AT(n) (FAKE_CODE + (n))
#define HANDLER AT(0x100)
#define RBX 3
#define RSI 4
#define RDI 5
#define RBP 6
#define RSP 7
#define R12 12
#define R15 15

struct site_bench {
	struct fake_elf *e;
	struct elf_image *img;
	struct decoder *d;
	struct flow *f;
	struct dispatch_table table;
	struct probe_plan plan;
	struct site_search s;
	int fd;
};

extern struct site_bench b;

/* An interpreter of 3.minor whose handlers all are one indirect jump, at HANDLER. */
void site_bench__begin(unsigned int minor);

/* The same of arm64: x3 holds the frame, x15 next_instr. */
void site_bench__begin_arm64(unsigned int minor);

void site_bench__put(uint64_t at, const char *code, size_t size);
void site_bench__search(void);
void site_bench__end(void);
const struct probe_site *site_bench__only_site(void);

#define PUT(at, code) site_bench__put(at, code, sizeof(code) - 1)

/* Puts instructions of arm64. */
#define PUT_WORDS(at, ...)                                               \
	do {                                                             \
		const uint32_t words[] = { __VA_ARGS__ };                \
		site_bench__put(at, (const char *)words, sizeof(words)); \
	} while (0)

#endif
