// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../user/decode/thread_table.h"
#include "../../user/decode/track_table.h"

static void seen(struct thread_table *t, uint32_t tid, uint64_t start_time, const char *comm)
{
	struct event_thread ev = { .ts = 5, .start_time = start_time, .tgid = 100 };

	strcpy(ev.comm, comm);
	assert_int_equal(thread_table__seen(t, tid, &ev), 0);
}

static void named(struct thread_table *t, uint32_t tid, const char *name)
{
	struct event_thread_name ev = { .ident = 0x7f00, .name = { name, strlen(name) } };

	assert_int_equal(thread_table__named(t, tid, &ev), 0);
}

static void test_names(void **state)
{
	struct thread_table *t = thread_table__new();
	struct thread *th;

	(void)state;
	seen(t, 7, 10, "python3");
	th = thread_table__get(t, 7);
	assert_string_equal(thread__name(th), "python3");
	named(t, 7, "worker");
	assert_string_equal(thread__name(th), "worker");
	named(t, 7, "renamed");
	assert_string_equal(thread__name(th), "renamed");
	named(t, 7, "");
	assert_string_equal(thread__name(th), "python3");
	assert_int_equal(th->ident, 0x7f00);
	assert_int_equal(th->pid, 100);
	assert_ptr_equal(thread_table__get(t, 7), th);
	thread_table__free(t);
}

static void test_named_before_seen(void **state)
{
	struct thread_table *t = thread_table__new();

	(void)state;
	named(t, 7, "early");
	seen(t, 7, 10, "python3");
	seen(t, 7, 10, "python3");
	assert_null(thread_table__get(t, 7)->next_of_tid);
	assert_ptr_equal(thread_table__first_of(t, 7), thread_table__get(t, 7));
	assert_string_equal(thread__name(thread_table__get(t, 7)), "early");
	thread_table__free(t);
}

static void test_reused_tid(void **state)
{
	struct event_thread second = { .start_time = 20 };
	struct thread_table *t = thread_table__new();
	struct thread *one, *two;

	(void)state;
	seen(t, 7, 10, "python3");
	named(t, 7, "one");
	one = thread_table__get(t, 7);
	assert_int_equal(thread_table__exited(t, 7, 99), 0);
	seen(t, 7, 20, "python3");
	named(t, 7, "two");
	two = thread_table__get(t, 7);
	assert_ptr_not_equal(one, two);
	assert_string_equal(thread__name(one), "one");
	assert_string_equal(thread__name(two), "two");
	assert_int_equal(one->exit, 99);
	thread_table__rewind(t);
	assert_ptr_equal(thread_table__get(t, 7), one);
	thread_table__switch(t, 7, &second);
	assert_ptr_equal(thread_table__get(t, 7), two);
	second.start_time = 555; /* never seen: stays */
	thread_table__switch(t, 7, &second);
	assert_ptr_equal(thread_table__get(t, 7), two);
	thread_table__free(t);
}

/* The first one was known by its name and never had an event: an ignored one. */
static void test_reused_tid_of_a_silent_thread(void **state)
{
	struct thread_table *t = thread_table__new();
	struct thread *one;

	(void)state;
	named(t, 7, "ignored");
	one = thread_table__get(t, 7);
	assert_int_equal(thread_table__exited(t, 7, 4), 0);
	seen(t, 7, 20, "python3");
	named(t, 7, "other");
	assert_ptr_not_equal(thread_table__get(t, 7), one);
	assert_string_equal(thread__name(one), "ignored");
	assert_string_equal(thread__name(thread_table__get(t, 7)), "other");
	thread_table__free(t);
}

/* The new thread's name overtook its first event. */
static void test_name_of_the_next_thread(void **state)
{
	struct thread_table *t = thread_table__new();
	struct thread *one;

	(void)state;
	seen(t, 7, 10, "python3");
	named(t, 7, "one");
	one = thread_table__get(t, 7);
	assert_int_equal(thread_table__exited(t, 7, 99), 0);
	named(t, 7, "one"); /* the same name again is still the old thread's */
	assert_ptr_equal(thread_table__get(t, 7), one);
	named(t, 7, "two");
	seen(t, 7, 20, "python3");
	assert_string_equal(thread__name(one), "one");
	assert_string_equal(thread__name(thread_table__get(t, 7)), "two");
	assert_ptr_equal(one->next_of_tid, thread_table__get(t, 7));
	thread_table__free(t);
}

static void test_many_threads(void **state)
{
	struct thread_table *t = thread_table__new();
	struct thread *th;
	uint32_t tid, n = 0;

	(void)state;
	for (tid = 1; tid <= 3000; tid++)
		seen(t, tid, tid, "c");
	for (tid = 1; tid <= 3000; tid++)
		assert_int_equal(thread_table__get(t, tid)->start_time, tid);
	for (th = thread_table__first(t); th; th = th->next)
		assert_int_equal(th->tid, ++n);
	assert_int_equal(n, 3000);
	thread_table__free(t);
	thread_table__free(NULL);
}

static void test_tracks(void **state)
{
	struct thread_table *threads = thread_table__new();
	struct track_table *tracks = track_table__new();
	struct thread *th = thread_table__get(threads, 7);
	struct track *greenlet, *lost, *own, *over;
	char name[64];

	(void)state;
	named(threads, 7, "worker");
	greenlet = track_table__get(tracks, th, TRACK_GREENLET, 3);
	own = track_table__get(tracks, th, TRACK_THREAD, 0);
	lost = track_table__get(tracks, th, TRACK_LOST, 0);
	over = track_table__overflow(tracks, greenlet);
	assert_ptr_equal(track_table__overflow(tracks, greenlet), over);
	assert_ptr_equal(th->tracks, own);
	assert_ptr_equal(track_table__get(tracks, th, TRACK_GREENLET, 3), greenlet);
	assert_ptr_equal(track_table__get(tracks, th, TRACK_THREAD, 0), own);
	assert_int_equal(own->tid, 7);
	assert_int_equal(greenlet->tid, 4194305);
	assert_int_equal(lost->tid, 4194306);
	assert_int_equal(over->tid, 4194307);
	track__name(greenlet, name, sizeof(name));
	assert_string_equal(name, "worker greenlet 3");
	track__name(lost, name, sizeof(name));
	assert_string_equal(name, "worker <lost>");
	assert_ptr_equal(track_table__first(tracks), greenlet);
	track_table__free(tracks);
	track_table__free(NULL);
	thread_table__free(threads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_named_before_seen),
		cmocka_unit_test(test_reused_tid),
		cmocka_unit_test(test_reused_tid_of_a_silent_thread),
		cmocka_unit_test(test_name_of_the_next_thread),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_tracks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
