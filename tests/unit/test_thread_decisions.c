// SPDX-License-Identifier: GPL-2.0-only
/* thread_names: what it decides on threads, and what it writes of them, as the kernel side tells of
 * them. The tracer's calls end up here (--wrap in the Makefile). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../user/trace/thread_names.h"

#define TGID 1000

int __wrap_tracer__decide_thread(struct tracer *t, pid_t tid, const struct thread_verdict *v);
void __wrap_tracer__forget_thread(struct tracer *t, pid_t tid, uint64_t start_time);

/* What happened, in order: verdicts, "forget", and the records written. */
static char told[4096];

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *fmt, ...)
{
	size_t used = strlen(told);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(told + used, sizeof(told) - used, fmt, ap);
	va_end(ap);
}

int __wrap_tracer__decide_thread(struct tracer *t, pid_t tid, const struct thread_verdict *v)
{
	(void)t;
	tell("%s %d@%d ", v->verdict == VERDICT_IGNORE ? "ignore" : "trace", tid,
	     (int)v->start_time);
	return 0;
}

void __wrap_tracer__forget_thread(struct tracer *t, pid_t tid, uint64_t start_time)
{
	(void)t;
	tell("forget %d@%d ", tid, (int)start_time);
}

struct setup {
	struct capture_writer w;
	struct thread_names *n;
	size_t read; /* of the capture */
};

static void start(struct setup *s, const char *ignore, const char *only)
{
	static const char *lists[2];
	struct thread_names_config cfg = { .pid = TGID, .capture = &s->w };

	memset(s, 0, sizeof(*s));
	told[0] = '\0';
	lists[0] = ignore;
	lists[1] = only;
	cfg.ignore = &lists[0];
	cfg.n_ignore = ignore != NULL;
	cfg.only = &lists[1];
	cfg.n_only = only != NULL;
	assert_int_equal(capture_writer__init(&s->w, memfd_create("capture", 0)), 0);
	s->n = thread_names__new(&cfg);
	assert_non_null(s->n);
	thread_names__announce(s->n);
	thread_names__tick(s->n, 0); /* threads that start from now on are not remembered */
	s->read = sizeof(struct vtbpf_capture_header);
}

static void stop(struct setup *s)
{
	int fd = s->w.fd;

	thread_names__free(s->n);
	capture_writer__free(&s->w);
	close(fd);
}

/* Tells what was written since the last time, and compares all that was told. */
static void expect(struct setup *s, const char *wanted)
{
	union {
		struct vtbpf_rec rec;
		struct vtbpf_rec_thread_name name;
		char bytes[65536];
	} r;

	assert_int_equal(capture_writer__flush(&s->w), 0);
	while (pread(s->w.fd, &r, sizeof(r.rec), s->read) == sizeof(r.rec)) {
		assert_int_equal(pread(s->w.fd, &r, r.rec.len, s->read), r.rec.len);
		s->read += r.rec.len;
		if (r.rec.kind == VTBPF_REC_THREAD_NAME)
			tell("%u is '%.*s' %x ", r.rec.tid, r.name.bytes, r.name.name,
			     (unsigned int)r.name.ident);
		else if (r.rec.kind == VTBPF_REC_THREAD_EXIT)
			tell("%u ends ", r.rec.tid);
	}
	assert_string_equal(told, wanted);
	told[0] = '\0';
}

static void first_event(struct setup *s, uint32_t tid, uint64_t start_time, bool named)
{
	struct vtbpf_rec_thread rec = {
		.rec = { .len = sizeof(rec),
			 .kind = VTBPF_REC_THREAD,
			 .flags = named ? VTBPF_F_NAME_FOLLOWS : 0,
			 .tid = tid },
		.tgid = TGID,
		.start_time = start_time,
		.start_boottime = start_time * VTBPF_TICK_NS,
		.comm = "python3",
#if defined(__x86_64__)
		.thread_pointer = 0x7000 + tid,
#endif
	};

	thread_names__note_reuse(s->n, &rec);
	thread_names__note_new(s->n, &rec);
}

static void name(struct setup *s, uint32_t tid, const char *text)
{
	union {
		struct vtbpf_rec_str rec;
		char bytes[sizeof(struct vtbpf_rec_str) + 64];
	} u = { .rec = { .rec = { .len = sizeof(u), .kind = VTBPF_REC_STR, .tid = tid },
			 .code = tid,
			 .which = VTBPF_STR_THREAD,
			 .width = text ? 1 : 0,
			 .bytes = text ? strlen(text) : 0,
			 .length = text ? strlen(text) : 0 } };

	memcpy(u.rec.data, text ? text : "", u.rec.bytes);
	thread_names__note_name(s->n, &u.rec);
}

static void ends(struct setup *s, uint32_t tid)
{
	struct vtbpf_rec_thread_exit rec = {
		.rec = { .len = sizeof(rec), .kind = VTBPF_REC_THREAD_EXIT, .tid = tid }
	};

	thread_names__note_exit(s->n, &rec.rec);
}

#if defined(__x86_64__)
#define IDENT(x) x
#else
#define IDENT(x) "0"
#endif

static void test_ignored_by_name(void **state)
{
	struct setup s;

	(void)state;
	start(&s, "noise-*", NULL);
	first_event(&s, 7, 50, true);
	expect(&s, "7 is '' " IDENT("7007") " ");
	name(&s, 7, "noise-1");
	expect(&s, "ignore 7@50 7 is 'noise-1' " IDENT("7007") " ");
	/* what it was called once is not forgotten */
	name(&s, 7, "quiet");
	expect(&s, "7 is 'quiet' " IDENT("7007") " ");
	assert_true(thread_names__is_ignored(s.n, 7));
	first_event(&s, 8, 51, true);
	name(&s, 8, "work");
	name(&s, 8, "noise-late");
	expect(&s, "ignore 8@51 8 is '' " IDENT("7008") " 8 is 'work' " IDENT(
			   "7008") " 8 is 'noise-late' " IDENT("7008") " ");
	ends(&s, 7);
	expect(&s, "forget 7@50 ");
	assert_int_equal(thread_names__ignored(s.n), 2);
	stop(&s);
}

static void test_only(void **state)
{
	struct setup s;

	(void)state;
	start(&s, NULL, "work*");
	first_event(&s, 7, 50, true);
	assert_false(thread_names__is_ignored(s.n, 7)); /* its name is still to come */
	name(&s, 7, "work");
	assert_false(thread_names__is_ignored(s.n, 7));
	first_event(&s, 8, 51, true);
	name(&s, 8, "other");
	assert_true(thread_names__is_ignored(s.n, 8));
	name(&s, 8, "work-now");
	assert_false(thread_names__is_ignored(s.n, 8));
	name(&s, 8, "other");
	assert_false(thread_names__is_ignored(s.n, 8));
	stop(&s);
}

static void test_selectors_at_run_time(void **state)
{
	const char *list[] = { "work" };
	struct setup s;

	(void)state;
	start(&s, NULL, NULL);
	first_event(&s, 7, 50, true);
	name(&s, 7, "work");
	told[0] = '\0';
	thread_names__select(s.n, list, 1);
	assert_string_equal(told, "ignore 7@50 ");
	thread_names__select(s.n, list, 0);
	assert_string_equal(told, "ignore 7@50 trace 7@50 ");
	stop(&s);
}

static void test_by_ids(void **state)
{
	struct setup s;

	(void)state;
	start(&s, "7", NULL);
	first_event(&s, 7, 50, true);
	assert_true(thread_names__is_ignored(s.n, 7));
	stop(&s);
#if defined(__x86_64__)
	start(&s, "ident:0x7009", NULL);
	first_event(&s, 9, 50, true);
	assert_true(thread_names__is_ignored(s.n, 9));
	stop(&s);
#endif
}

/* The end of the thread that had the id before is not always told. */
static void test_reused_id(void **state)
{
	struct setup s;

	(void)state;
	start(&s, "noise", NULL);
	first_event(&s, 7, 50, true);
	name(&s, 7, "noise");
	first_event(&s, 7, 50, true); /* the record comes again: still the same */
	name(&s, 7, "noise");
	expect(&s, "ignore 7@50 7 is '' " IDENT("7007") " 7 is 'noise' " IDENT(
			   "7007") " 7 is 'noise' " IDENT("7007") " ");
	first_event(&s, 7, 90, true);
	name(&s, 7, "work");
	expect(&s, "7 ends 7 is '' " IDENT("7007") " 7 is 'work' " IDENT("7007") " ");
	assert_false(thread_names__is_ignored(s.n, 7));
	ends(&s, 7);
	first_event(&s, 7, 95, false);
	expect(&s, "forget 7@90 7 is '' " IDENT("7007") " ");
	assert_int_equal(thread_names__ignored(s.n), 1);
	stop(&s);
}

/* Names that could not be read, or are of nobody. */
static void test_no_name(void **state)
{
	struct setup s;

	(void)state;
	start(&s, "noise", NULL);
	name(&s, 5, "noise");
	ends(&s, 5);
	expect(&s, "");
	first_event(&s, 7, 50, true);
	name(&s, 7, NULL);
	expect(&s, "7 is '' " IDENT("7007") " ");
	assert_int_equal(thread_names__wait_ms(s.n, 1, 20) <= 20, 1);
	stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ignored_by_name),
		cmocka_unit_test(test_only),
		cmocka_unit_test(test_selectors_at_run_time),
		cmocka_unit_test(test_by_ids),
		cmocka_unit_test(test_reused_id),
		cmocka_unit_test(test_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
