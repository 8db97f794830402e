// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../user/decode/decoder.h"
#include "capture_builder.h"

/* The last record of b, decoded. */
static int decode_at(struct capture_builder *b, size_t offset, struct event *ev)
{
	return decoder__decode((const struct vtbpf_rec *)(b->data + offset), ev);
}

static void test_call(void **state)
{
	struct build_call call = {
		.tid = 7,
		.code = 3,
		.start = 1000,
		.end = 1500,
		.depth = 2,
		.flags = VTBPF_F_OPEN_END,
	};
	struct capture_builder b;
	struct event ev;
	size_t at;

	(void)state;
	builder__init(&b);
	at = b.len;
	builder__call(&b, &call);
	assert_int_equal(decode_at(&b, at, &ev), 0);
	assert_int_equal(ev.kind, VTBPF_REC_CALL);
	assert_int_equal(ev.tid, 7);
	assert_int_equal(ev.flags, VTBPF_F_OPEN_END);
	assert_int_equal(ev.call.start, 1000);
	assert_int_equal(ev.call.dur, 500);
	assert_int_equal(ev.call.code, 3);
	assert_int_equal(ev.call.depth, 2);
	assert_int_equal(ev.call.track, 0);
	call.track = 9;
	at = b.len;
	builder__call(&b, &call);
	assert_int_equal(decode_at(&b, at, &ev), 0);
	assert_int_equal(ev.call.track, 9);
	builder__release(&b);
}

/* Every kind: a record one unit shorter than its structure is refused, whatever is in it. */
static void test_short_records(void **state)
{
	static const struct {
		uint8_t kind;
		size_t size;
	} kinds[] = {
		{ VTBPF_REC_CALL, sizeof(struct vtbpf_rec_call) },
		{ VTBPF_REC_CALL_TRACK, sizeof(struct vtbpf_rec_call_track) },
		{ VTBPF_REC_CODE, sizeof(struct vtbpf_rec_code) },
		{ VTBPF_REC_STR, sizeof(struct vtbpf_rec_str) },
		{ VTBPF_REC_THREAD, sizeof(struct vtbpf_rec_thread) },
		{ VTBPF_REC_THREAD_EXIT, sizeof(struct vtbpf_rec_thread_exit) },
		{ VTBPF_REC_LOST, sizeof(struct vtbpf_rec_lost) },
		{ VTBPF_REC_EXEC, sizeof(struct vtbpf_rec_exec) },
		{ VTBPF_REC_SESSION, sizeof(struct vtbpf_rec_session) },
		{ VTBPF_REC_TEXT, sizeof(struct vtbpf_rec_text) },
		{ VTBPF_REC_PROCESS, sizeof(struct vtbpf_rec_process) },
		{ VTBPF_REC_NS_PID, sizeof(struct vtbpf_rec_ns_pid) },
		{ VTBPF_REC_THREAD_NAME, sizeof(struct vtbpf_rec_thread_name) },
		{ VTBPF_REC_SOURCE, sizeof(struct vtbpf_rec_source) },
		{ VTBPF_REC_END, sizeof(struct vtbpf_rec_end) },
		{ VTBPF_REC_COUNTERS, sizeof(struct vtbpf_rec_counters) },
		{ VTBPF_REC_HIT, sizeof(struct vtbpf_rec_hit) },
		{ VTBPF_REC_EVENT, sizeof(struct vtbpf_rec_event) },
		{ VTBPF_REC_MISSED, sizeof(struct vtbpf_rec_missed) },
	};
	struct event ev;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct capture_builder b;
		struct vtbpf_rec *r;

		builder__init(&b);
		r = builder__record(&b, kinds[i].kind, 1, kinds[i].size - sizeof(*r));
		assert_int_equal(decoder__decode(r, &ev), 0);
		r->len -= 8;
		assert_int_equal(decoder__decode(r, &ev), -EBADMSG);
		builder__release(&b);
	}
}

/* Lengths inside a record that reach beyond it. */
static void test_lying_lengths(void **state)
{
	struct capture_builder b;
	struct vtbpf_rec_str *s;
	struct vtbpf_rec_source *src;
	struct event ev;

	(void)state;
	builder__init(&b);
	s = builder__record(&b, VTBPF_REC_STR, 1, sizeof(*s) - sizeof(s->rec) + 8);
	s->bytes = 8;
	assert_int_equal(decoder__decode(&s->rec, &ev), 0);
	assert_int_equal(ev.str.piece.len, 8);
	s->bytes = 9;
	assert_int_equal(decoder__decode(&s->rec, &ev), -EBADMSG);
	src = builder__record(&b, VTBPF_REC_SOURCE, 1, sizeof(*src) - sizeof(src->rec));
	src->bytes = UINT32_MAX;
	assert_int_equal(decoder__decode(&src->rec, &ev), -EBADMSG);
	builder__release(&b);
}

static void test_impossible_values(void **state)
{
	struct capture_builder b;
	struct vtbpf_rec_call *c;
	struct vtbpf_rec *r;
	struct event ev;

	(void)state;
	builder__init(&b);
	c = builder__record(&b, VTBPF_REC_CALL, KERNEL_TID_MAX, sizeof(*c) - 8);
	c->start = c->dur = UINT64_MAX / 4;
	assert_int_equal(decoder__decode(&c->rec, &ev), 0);
	c->dur++;
	assert_int_equal(decoder__decode(&c->rec, &ev), -EBADMSG);
	c->dur = 0;
	c->rec.tid++;
	assert_int_equal(decoder__decode(&c->rec, &ev), -EBADMSG);
	r = builder__record(&b, VTBPF_REC_NONE, 0, 8);
	assert_int_equal(decoder__decode(r, &ev), -EBADMSG);
	builder__release(&b);
}

static void test_unknown_kind_and_longer_record(void **state)
{
	struct capture_builder b;
	struct vtbpf_rec *r;
	struct event ev;

	(void)state;
	builder__init(&b);
	r = builder__record(&b, 77, 5, 16);
	assert_int_equal(decoder__decode(r, &ev), 0);
	assert_int_equal(ev.kind, 77);
	r = builder__record(&b, VTBPF_REC_END, 0, sizeof(struct vtbpf_rec_end) + 64);
	assert_int_equal(decoder__decode(r, &ev), 0);
	builder__release(&b);
}

/* The comm of the kernel need not end in a NUL. */
static void test_full_comm(void **state)
{
	struct capture_builder b;
	struct vtbpf_rec_thread *t;
	struct event ev;

	(void)state;
	builder__init(&b);
	t = builder__record(&b, VTBPF_REC_THREAD, 1, sizeof(*t) - 8);
	memset(t->comm, 'x', sizeof(t->comm));
	assert_int_equal(decoder__decode(&t->rec, &ev), 0);
	assert_string_equal(ev.thread.comm, "xxxxxxxxxxxxxxxx");
	builder__release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_short_records),
		cmocka_unit_test(test_lying_lengths),
		cmocka_unit_test(test_impossible_values),
		cmocka_unit_test(test_unknown_kind_and_longer_record),
		cmocka_unit_test(test_full_comm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
