// SPDX-License-Identifier: GPL-2.0-only
/* Why a dump was made: the record, what a session keeps of it, and what is written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/decode/session.h"
#include "format_fixture.h"

#define EXPR "slow:le*>50ms"

static struct vtbpf_rec_hit *add_hit(struct fixture *f, uint32_t tid, const char *expr,
				     const char *name)
{
	size_t text = strlen(expr) + strlen(name);
	struct vtbpf_rec_hit *h =
		builder__record(&f->b, VTBPF_REC_HIT, tid, sizeof(*h) - sizeof(h->rec) + text);

	h->ts = 2500;
	h->value = 60000000;
	h->expr_bytes = strlen(expr);
	h->name_bytes = strlen(name);
	memcpy(h->text, expr, h->expr_bytes);
	memcpy(h->text + h->expr_bytes, name, h->name_bytes);
	return h;
}

static void test_decoded(void **state)
{
	struct fixture *f = *state;
	struct vtbpf_rec_hit *h = add_hit(f, 7, EXPR, "leaf");
	struct event ev;

	assert_int_equal(decoder__decode(&h->rec, &ev), 0);
	assert_int_equal(ev.kind, VTBPF_REC_HIT);
	assert_int_equal(ev.tid, 7);
	assert_int_equal(ev.hit.ts, 2500);
	assert_int_equal(ev.hit.value, 60000000);
	assert_int_equal(ev.hit.expr.len, strlen(EXPR));
	assert_memory_equal(ev.hit.expr.data, EXPR, strlen(EXPR));
	assert_int_equal(ev.hit.name.len, 4);
	assert_memory_equal(ev.hit.name.data, "leaf", 4);
}

/* Texts that reach beyond the record, and a moment that no clock shows. */
static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct vtbpf_rec_hit *h = add_hit(f, 7, EXPR, "leaf");
	size_t room = h->rec.len - sizeof(*h);
	struct event ev;

	h->name_bytes = room - h->expr_bytes;
	assert_int_equal(decoder__decode(&h->rec, &ev), 0);
	h->name_bytes++;
	assert_int_equal(decoder__decode(&h->rec, &ev), -EBADMSG);
	h->name_bytes = 0;
	h->expr_bytes = UINT16_MAX;
	assert_int_equal(decoder__decode(&h->rec, &ev), -EBADMSG);
	h->expr_bytes = 0;
	assert_int_equal(decoder__decode(&h->rec, &ev), 0);
	h->ts = UINT64_MAX;
	assert_int_equal(decoder__decode(&h->rec, &ev), -EBADMSG);
}

/* A mark on its thread, and a word for the whole file: of the first, where two dumps became one trace. */
static void test_written(void **state)
{
	struct fixture *f = *state;

	add_hit(f, 100, EXPR, "leaf");
	add_hit(f, 100, "exception:Oops", "Oops in \"main\"")->value = 0;
	add_calls(f);
	convert_capture(f, "json");
	has(f, "{\"ph\":\"i\",\"s\":\"t\",\"cat\":\"vtbpf\",\"pid\":100,\"tid\":100,\"ts\":2.500,"
	       "\"name\":\"trigger: " EXPR "\",\"args\":{\"expr\":\"" EXPR
	       "\",\"function\":\"leaf\",\"value\":60000000}}");
	has(f, "\"name\":\"trigger: exception:Oops\",\"args\":{\"expr\":\"exception:Oops\","
	       "\"function\":\"Oops in \\\"main\\\"\"}}");
	has(f, "\"trigger\":{\"expr\":\"" EXPR "\",\"ts\":2.500,\"tid\":100,\"name\":\"leaf\","
	       "\"value\":60000000}");
}

/* A capture that says that there was a hit again and again needs no memory for it. */
static void test_bounded(void **state)
{
	struct fixture *f = *state;
	static const char mark[] = "\"trigger: ";
	const char *at, *end;
	size_t n = 0;

	for (int i = 0; i < 66000; i++)
		add_hit(f, 100, "", "");
	add_calls(f);
	f->text = realloc(f->text, 16 << 20);
	convert_capture(f, "json");
	end = f->text + strlen(f->text);
	/* not strstr(), which looks for the end of the text each time under AddressSanitizer */
	for (at = f->text; (at = memmem(at, end - at, mark, strlen(mark))); at++)
		n++;
	assert_in_range(n, 1, 65536);
	has(f, "leaf (f.py:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FORMAT_TEST(test_decoded),
		FORMAT_TEST(test_refused),
		FORMAT_TEST(test_written),
		FORMAT_TEST(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
